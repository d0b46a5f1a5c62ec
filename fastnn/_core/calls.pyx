# Call: a function of one array, recorded as a Program, that runs without Python.
#
# For a network of a few thousand multiplications everything around the kernels counts, so from the look at the array
# to the copy of the result there is one C function, without a clock, a lock or the allocation of more than the result.

cdef enum:
    MOST_CALL_AXES = 8

cdef struct result:             # of a call: one of its arrays
    char *address               # NULL: it lies in the input
    ptrdiff_t offset            # from the input's first item
    ptrdiff_t nbytes
    int ndim
    cnp.npy_intp dims[MOST_CALL_AXES]


@cython.final
cdef class Call:
    """A recorded function of one array.

    Parameters
    ----------
    program : Program
        Recorded with the array as its only input.
    x : ndarray
    results : list of ndarray
        What the function made of it, C-contiguous: arrays that lie in the program's arena, in x, or elsewhere.
    mode : int
        Tells calls on equal arrays apart.
    tag : object
        Whatever belongs to the results.
    """
    cdef readonly Program program
    cdef readonly object tag
    cdef readonly unsigned long long stamp   # of the last use
    cdef list arrays            # holds what lies elsewhere
    cdef list dtypes
    cdef readonly int mode
    cdef int type_num
    cdef int ndim
    cdef cnp.npy_intp dims[MOST_CALL_AXES]
    cdef result results[2]

    def __cinit__(self, Program program, cnp.ndarray x, list results, int mode, object tag=None):
        cdef int i = 0
        cdef char *data
        cdef ptrdiff_t nbytes
        cdef char *begin = <char *>cnp.PyArray_DATA(x)
        if cnp.PyArray_NDIM(x) > MOST_CALL_AXES or len(results) not in (1, 2):
            raise ValueError(f"Call: x must have at most {MOST_CALL_AXES} axes, and there must be 1 or 2 results.")
        self.program, self.mode, self.tag = program, mode, tag
        self.type_num, self.ndim = cnp.PyArray_TYPE(x), cnp.PyArray_NDIM(x)
        memcpy(self.dims, cnp.PyArray_DIMS(x), self.ndim * sizeof(cnp.npy_intp))
        self.arrays, self.dtypes = [], []
        for array in results:
            if not cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray?>array) or array.ndim > MOST_CALL_AXES:
                raise ValueError(f"Call: results must be C-contiguous, of at most {MOST_CALL_AXES} axes.")
            data = <char *>cnp.PyArray_DATA(array)
            self.dtypes.append(array.dtype)
            self.results[i].nbytes, self.results[i].ndim = array.nbytes, array.ndim
            memcpy(self.results[i].dims, cnp.PyArray_DIMS(array), self.results[i].ndim * sizeof(cnp.npy_intp))
            nbytes = x.nbytes
            if begin <= data and data < begin + nbytes:
                self.results[i].address, self.results[i].offset = NULL, data - begin
            else:
                self.results[i].address = data
                if not program.owns(array):
                    self.arrays.append(array)
            i += 1

    cdef bint fits(self, cnp.ndarray x, int mode) noexcept:
        """Whether x looks like the array that was recorded."""
        return (
            self.mode == mode and self.type_num == cnp.PyArray_TYPE(x) and self.ndim == cnp.PyArray_NDIM(x)
            and memcmp(self.dims, cnp.PyArray_DIMS(x), self.ndim * sizeof(cnp.npy_intp)) == 0
        )

    cdef object copy(self, int i, char *data):
        """A new array with a result."""
        cdef result *r = &self.results[i]
        cdef Block block = Block(r.nbytes)
        memcpy(block.address, r.address if r.address != NULL else data + r.offset, r.nbytes)
        return fnn_array_over(self.dtypes[i], r.ndim, r.dims, block.address, block)

    cdef object copies(self, cnp.ndarray x):
        cdef char *data = <char *>cnp.PyArray_DATA(x)
        if len(self.dtypes) == 1:
            return self.copy(0, data)
        return self.copy(0, data), self.copy(1, data)

    def results_of(self, cnp.ndarray x):
        """Copies of the results of the recording itself."""
        return self.copies(x)

    cdef object run(self, cnp.ndarray x):
        cdef char *data = <char *>cnp.PyArray_DATA(x)
        self.program.point(&data)
        self.program.run(1, 1e9, 0)
        if self.program.error is not None:
            self.program.check_pythons()
        if self.program.guards and self.program.stopped():
            return None
        return self.copies(x)


cdef class Turn:
    """What one at a time may do; others do without instead of waiting."""
    cdef object owner           # who acquired it, or None

    def acquire(self, who):
        """Keep everyone but `who` out; False if somebody is in already."""
        if self.owner is not None:
            return False
        self.owner = who
        return True

    def release(self, who):
        """Let others in, if it was `who` that kept them out: right also where an interrupt came while acquiring."""
        if self.owner is who:
            self.owner = None


cdef class Calls(Turn):
    """The calls of one model, of which one runs at a time, and only while nothing has changed (`structure_changes`).

    Whoever uses programs that share an arena with these calls brackets that by `acquire` and `release`.
    """
    cdef list calls
    cdef bint busy              # a call is running
    cdef readonly str training  # the method that is changing the weights, or None
    cdef public unsigned long long changes  # for which the calls are known to be right, in so many threads
    cdef public int threads
    cdef unsigned long long clock

    def __cinit__(self):
        self.calls = []

    def tick(self):
        """The next moment, for stamps."""
        self.clock += 1
        return self.clock

    def acquire(self, who):
        return not self.busy and Turn.acquire(self, who)

    def offer(self, list calls):
        """These are the calls to choose from."""
        self.calls = calls

    def run(self, x, int mode, ptrdiff_t most):
        """(call, copies of its results) for an array of at most so many rows; the copies are one array, or two.

        None where the array, or the moment, is not one of these calls', and where a guard found an error in the data:
        what the error says is known to those who look at the array.
        """
        cdef Call call
        if (
            self.changes != changes or self.busy or self.owner is not None or fnn_steps_deep
            or self.threads != current_threads() or tracers or not cnp.PyArray_CheckExact(x)
            or not cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray>x) or not cnp.PyArray_ISALIGNED(<cnp.ndarray>x)
            or cnp.PyArray_ISBYTESWAPPED(<cnp.ndarray>x)
        ):
            return None
        if cnp.PyArray_NDIM(<cnp.ndarray>x) == 0 or cnp.PyArray_DIM(<cnp.ndarray>x, 0) > most:
            return None
        for call in self.calls:
            if call.fits(<cnp.ndarray>x, mode):
                break
        else:
            return None
        if call.program.running:
            return None
        self.clock += 1
        call.stamp = self.clock
        self.busy = True
        try:
            results = call.run(<cnp.ndarray>x)
        finally:
            self.busy = False
        return None if results is None else (call, results)


@cython.final
cdef class Training:
    """The context of a method that changes a model's weights; while one goes on, the next raises ``busy(what)``.

    Both of its ends are one C function, which Ctrl-C does not cut in two. If it comes just before the second, the
    object's end takes its place: no model stays busy for ever.
    """
    cdef Calls calls
    cdef str what
    cdef object busy
    cdef bint entered

    def __cinit__(self, Calls calls, str what, busy):
        self.calls, self.what, self.busy = calls, what, busy

    def __enter__(self):
        if self.calls.training is not None:
            raise self.busy(self.what)
        self.calls.training = self.what
        self.entered = True

    def __exit__(self, kind, error, trace):
        self.leave()

    def __dealloc__(self):
        if self.calls is not None:
            self.leave()

    cdef leave(self):
        if self.entered:
            self.entered = False
            self.calls.training = None
