# Aligned, pooled memory behind every array fastnn makes.
#
# Blocks come in size classes (four per power of two) and go back to a free list when their last array dies, so a
# steady training step allocates nothing. Large blocks are aligned to huge pages and ask for them. Every block has
# SLACK bytes behind its end, so a vector may read (never write) past the last element.

cdef extern from *:
    """
    #include <stdlib.h>
    #if defined(__linux__)
    #include <sys/mman.h>
    #endif
    static void *fnn_block_new(size_t size, size_t alignment, int large) {
      void *p = NULL;
      if (posix_memalign(&p, alignment, size) != 0) return NULL;
    #if defined(__linux__)
      if (large) (void)madvise(p, size, MADV_HUGEPAGE);
    #else
      (void)large;
    #endif
      return p;
    }
    /* A C-contiguous array over data that base keeps alive. */
    static PyObject *fnn_array_over(PyArray_Descr *descr, int ndim, npy_intp *dims, void *data, PyObject *base) {
      Py_INCREF(descr); /* the array takes over one reference */
      PyObject *array =
          PyArray_NewFromDescr(&PyArray_Type, descr, ndim, dims, NULL, data, NPY_ARRAY_CARRAY, NULL);
      if (array == NULL) return NULL;
      Py_INCREF(base); /* and here another */
      if (PyArray_SetBaseObject((PyArrayObject *)array, base) < 0) {
        Py_DECREF(array);
        return NULL;
      }
      return array;
    }
    """
    void *fnn_block_new(size_t size, size_t alignment, int large) nogil
    void free(void *ptr) nogil
    object fnn_array_over(cnp.dtype descr, int ndim, cnp.npy_intp *dims, void *data, object base)

cdef size_t ALIGNMENT = 64
cdef size_t SLACK = 128
cdef size_t HUGE_PAGE = 1 << 21
cdef size_t SMALLEST = 256
cdef size_t MOST_BYTES = <size_t>1 << 62    # of an array: beyond it, sizes could not be computed with
cdef size_t CACHE_LIMIT = <size_t>1 << 30   # bytes kept in free lists; beyond it blocks go back to the system

cdef dict free_blocks = {}                  # size class -> list of addresses
cdef size_t cached_bytes = 0
cdef size_t live_bytes = 0


cdef size_t size_class(size_t nbytes) noexcept:
    """The smallest class of at least nbytes + SLACK: 1, 1.25, 1.5 or 1.75 times a power of two."""
    cdef size_t need = nbytes + SLACK
    cdef size_t power = SMALLEST
    if need <= SMALLEST:
        return SMALLEST
    while power * 2 <= need:
        power *= 2
    cdef size_t quarter = power // 4
    return power + (need - power + quarter - 1) // quarter * quarter


@cython.final
@cython.no_gc_clear  # __dealloc__ needs the list of addresses
cdef class Arena:
    """The memory of programs that never run at the same time: what their recordings allocated.

    A block whose last array died is given out again, so the recorded addresses are a plan of the step's memory, and
    one program's plan lies over another's. All of it goes back with the arena.
    """
    cdef dict free_blocks       # size class -> list of addresses
    cdef list addresses         # every block, in order of first allocation: (address, size)
    cdef readonly int recordings

    def __cinit__(self):
        self.free_blocks = {}
        self.addresses = []

    def __dealloc__(self):
        global live_bytes
        for address, size in self.addresses:
            live_bytes -= <size_t>size
            give_back(<void *><uintptr_t>address, size)


cdef Arena active_arena = None              # of the recording that goes on, if any
cdef unsigned long recording_thread = 0     # the thread whose launches and allocations it takes


cdef void give_back(void *address, size_t size):
    """Put a block on the pool's free list."""
    global cached_bytes
    if free_blocks is None or cached_bytes + size > CACHE_LIMIT:
        free(address)
        return
    stack = free_blocks.get(size)
    if stack is None:
        stack = free_blocks[size] = []
    stack.append(<uintptr_t>address)
    cached_bytes += size


@cython.final
@cython.no_gc_clear  # __dealloc__ needs the arena
cdef class Block:
    """One piece of pooled memory; the base object of the arrays that use it."""
    cdef void *address
    cdef size_t size
    cdef Arena arena            # None: it came from the pool and goes back there
    cdef int recording          # which of the arena's

    def __cinit__(self, size_t nbytes):
        global cached_bytes, live_bytes
        self.address = NULL
        if nbytes > MOST_BYTES:
            raise MemoryError(f"fastnn: {nbytes} bytes cannot be allocated")
        self.size = size_class(nbytes)
        if active_arena is not None and recording_thread == PyThread_get_thread_ident():
            self.arena = active_arena
            self.recording = active_arena.recordings
        cdef list stack
        if self.arena is not None:
            stack = <list>self.arena.free_blocks.get(self.size)
            if stack:
                self.address = <void *><uintptr_t>stack.pop()
                return
        stack = <list>free_blocks.get(self.size)
        if stack:
            self.address = <void *><uintptr_t>stack.pop()
            cached_bytes -= self.size
        else:
            large = self.size >= HUGE_PAGE
            self.address = fnn_block_new(self.size, HUGE_PAGE if large else ALIGNMENT, large)
            if self.address == NULL:
                raise MemoryError(f"fastnn: {self.size} bytes could not be allocated")
        if self.arena is not None:
            self.arena.addresses.append((<uintptr_t>self.address, self.size))
        live_bytes += self.size

    def __dealloc__(self):
        global live_bytes
        if self.address == NULL:
            return
        if self.arena is not None:
            self.arena.free_blocks.setdefault(self.size, []).append(<uintptr_t>self.address)
            return
        live_bytes -= self.size
        give_back(self.address, self.size)


def empty(shape, dtype):
    """A new C-contiguous, 64-byte aligned array whose contents are undefined.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : numpy dtype or what `numpy.dtype` takes
    """
    cdef cnp.npy_intp dims[32]
    cdef int ndim = 0
    cdef cnp.dtype descr = dtype if isinstance(dtype, np.dtype) else np.dtype(dtype)
    cdef size_t nbytes = descr.itemsize
    if not isinstance(shape, (tuple, list)):
        shape = (shape,)
    if len(shape) > 32:
        raise ValueError(f"empty: shape must have at most 32 axes; got {len(shape)}.")
    try:
        for extent in shape:
            dims[ndim] = extent
            if dims[ndim] < 0:
                raise ValueError(f"empty: the extents of shape must be at least 0; got {tuple(shape)}.")
            if dims[ndim] > 0 and nbytes > MOST_BYTES // <size_t>dims[ndim]:
                raise OverflowError
            nbytes *= <size_t>dims[ndim]
            ndim += 1
    except OverflowError:
        raise MemoryError(f"fastnn: an array of shape {tuple(shape)}, dtype {descr}, cannot be allocated") from None
    cdef Block block = Block(nbytes)
    if fnn_dry:
        memset(block.address, 0, nbytes)
    return fnn_array_over(descr, ndim, dims, block.address, block)


def memory_info():
    """Bytes in living arrays and arenas, and in the free lists of the pool."""
    return {"live": live_bytes, "cached": cached_bytes}


def trim():
    """Give the pool's free blocks back to the system."""
    global cached_bytes
    for stack in free_blocks.values():
        for address in stack:
            free(<void *><uintptr_t>address)
    free_blocks.clear()
    cached_bytes = 0
