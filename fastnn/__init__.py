"""fastnn: small and medium neural networks on a CPU, fast, through Keras 3's API."""

from __future__ import annotations

from fastnn import config as config
from fastnn import ops as ops
from fastnn.autograd import Tensor as Tensor
from fastnn.autograd import Variable as Variable
from fastnn.autograd import custom_gradient as custom_gradient
from fastnn.autograd import no_grad as no_grad

__version__ = "0.1.0"
