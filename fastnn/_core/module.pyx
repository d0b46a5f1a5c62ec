"""fastnn._core: buffers, kernel launches and threads. Checks pointers, shapes and dtypes; does no arithmetic.

The files are one module, in the order in which they need each other.
"""

include "declarations.pyx"
include "structure.pyx"
include "threads.pyx"
include "buffers.pyx"
include "launch.pyx"
include "program.pyx"
include "python.pyx"
include "calls.pyx"
include "prefetch.pyx"
