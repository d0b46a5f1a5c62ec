from fastnn.ops.linalg import dot as dot
from fastnn.ops.linalg import linear as linear
from fastnn.ops.linalg import matmul as matmul
