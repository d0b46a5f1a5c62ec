# Pages of memory-mapped arrays, brought into memory before a gather reads them.

cdef extern from "fastnn.h" nogil:
    ctypedef struct fnn_rows:
        const char *x
        ptrdiff_t stride
        ptrdiff_t bytes
        ptrdiff_t rows
        const int64_t *index
    void fnn_fetch_rows(const fnn_rows *rows, ptrdiff_t begin, ptrdiff_t end, bint touch)
    double fnn_resident(const char *x, ptrdiff_t bytes)


cdef fnn_rows rows_of(cnp.ndarray x):
    """Where the rows along the first axis lie."""
    cdef fnn_rows rows
    cdef ptrdiff_t low = 0
    cdef ptrdiff_t high = cnp.PyArray_ITEMSIZE(x)
    cdef ptrdiff_t reach
    cdef int axis
    for axis in range(1, cnp.PyArray_NDIM(x)):
        reach = (cnp.PyArray_DIM(x, axis) - 1) * cnp.PyArray_STRIDE(x, axis)
        if reach < 0:
            low += reach
        else:
            high += reach
    rows.x = <const char *>cnp.PyArray_DATA(x) + low
    rows.stride = cnp.PyArray_STRIDE(x, 0)
    rows.bytes = 0 if x.size == 0 else high - low
    rows.rows = cnp.PyArray_DIM(x, 0)
    rows.index = NULL
    return rows


def fetch_rows(cnp.ndarray x, index, ptrdiff_t begin, ptrdiff_t end, bint touch):
    """Ask the system for the pages of some rows, or, with `touch`, wait until they are there.

    Parameters
    ----------
    x : ndarray
        Rows along its first axis, of any strides.
    index : ndarray of int64, optional
        Row r is ``x[index[r]]``; those outside of x are left out. Without it, ``x[r]``.
    begin, end : int
        The rows.
    touch : bool
    """
    cdef fnn_rows rows = rows_of(x)
    cdef cnp.ndarray order
    cdef ptrdiff_t most = rows.rows
    if index is not None:
        order = index
        if order.dtype != np.int64 or not order.flags.c_contiguous:
            raise TypeError("fetch_rows: index must be a contiguous array of int64.")
        rows.index = <const int64_t *>cnp.PyArray_DATA(order)
        most = cnp.PyArray_DIM(order, 0)
    begin, end = max(begin, 0), min(end, most)
    with nogil:
        fnn_fetch_rows(&rows, begin, end, touch)


def resident(cnp.ndarray x):
    """The share of an array's pages that are in memory, of a sample; 0 where the system does not tell."""
    cdef fnn_rows rows = rows_of(x)
    cdef ptrdiff_t across = (rows.rows - 1) * rows.stride
    if rows.bytes == 0:
        return 1.0
    return fnn_resident(rows.x + min(across, 0), abs(across) + rows.bytes)
