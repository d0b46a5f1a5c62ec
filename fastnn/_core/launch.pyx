# One kernel call: look up, check, run. Everything that computes in fastnn goes through `launch`.

# Estimated work (kernels.def) below which sharing an entry between threads costs more than it saves. A region
# costs 0.5 to 1 us, in which one core does about 250,000 flops.
cdef double SERIAL_WORK = 1e6
# Below this the GIL is not released: giving it up and taking it back costs about as much as the kernel.
cdef double GIL_WORK = 2e4

ctypedef union slot:
    void *pointer
    ptrdiff_t size
    double scalar

cdef object FLOAT32 = np.dtype(np.float32)
cdef object FLOAT64 = np.dtype(np.float64)


@cython.final
cdef class Kernel:
    """What kernels.def says of one kernel, with field names ready for dictionary look-ups."""
    cdef int number
    cdef const fnn_kernel_info *info
    cdef tuple names

    def __cinit__(self, int number):
        self.number = number
        self.info = &fnn_kernels[number]
        self.names = tuple([sys.intern(self.info.fields[f].name.decode()) for f in range(self.info.nfields)])


cdef dict kernels = {fnn_kernels[i].name.decode(): Kernel(i) for i in range(FNN_KERNEL_COUNT)}
cdef dict ROLE_NAMES = {
    FNN_IN: "in", FNN_OPT_IN: "in?", FNN_OUT: "out", FNN_OPT_OUT: "out?", FNN_INOUT: "inout",
    FNN_SCRATCH: "scratch", FNN_SIZE: "size", FNN_SCALAR: "scalar",
}
cdef list tracers = []


def kernel_table_of_contents():
    """kernels.def as a dictionary: name -> [(field, role, type character), ...]."""
    return {
        name: [(field, ROLE_NAMES[(<Kernel>kernel).info.fields[f].role],
                chr((<Kernel>kernel).info.fields[f].type) if (<Kernel>kernel).info.fields[f].type else "")
               for f, field in enumerate((<Kernel>kernel).names)]
        for name, kernel in kernels.items()
    }


class trace:
    """Notes every launch within this context: ``with trace() as launches`` fills a list of (kernel, dtype, fields)."""

    def __enter__(self):
        self.launches = []
        tracers.append(self.launches)
        return self.launches

    def __exit__(self, *exc):
        tracers.remove(self.launches)


cdef Kernel find_kernel(str name):
    kernel = kernels.get(name)
    if kernel is None:
        raise ValueError(f"launch: no kernel is called {name!r}; kernels.def has {', '.join(sorted(kernels))}.")
    return <Kernel>kernel


cdef int dtype_number(dtype) except -1:
    if dtype is FLOAT32 or dtype == FLOAT32:
        return 0
    if dtype is FLOAT64 or dtype == FLOAT64:
        return 1
    raise TypeError(f"launch: kernels exist for float32 and float64; got dtype {dtype!r}.")


cdef inline int type_bytes(char kind, int itemsize) noexcept:
    if kind == b'T':
        return itemsize
    if kind == b'B':
        return 1
    return 4 if kind == b'f' or kind == b'i' else 8


cdef bint type_matches(char kind, int number, int type_num) noexcept:
    """Whether an array of NumPy type type_num may stand in a field of this type; u8 fields take the bytes of any."""
    if kind == b'B':
        return True
    if kind == b'T':
        return type_num == (<int>cnp.NPY_FLOAT32 if number == 0 else <int>cnp.NPY_FLOAT64)
    if kind == b'f':
        return type_num == cnp.NPY_FLOAT32
    if kind == b'd':
        return type_num == cnp.NPY_FLOAT64
    if kind == b'i':
        return type_num == cnp.NPY_INT32
    if kind == b'l':
        return type_num == cnp.NPY_INT64
    return type_num == cnp.NPY_UINT64


cdef ptrdiff_t reach(cnp.ndarray array) noexcept:
    """Bytes from the data pointer to the end of the last element; -1 for an array with a negative stride."""
    cdef ptrdiff_t end = cnp.PyArray_ITEMSIZE(array)
    cdef int axis
    for axis in range(cnp.PyArray_NDIM(array)):
        if cnp.PyArray_DIM(array, axis) == 0:
            return 0
        if cnp.PyArray_STRIDE(array, axis) < 0 and cnp.PyArray_DIM(array, axis) > 1:
            return -1
        end += (cnp.PyArray_DIM(array, axis) - 1) * cnp.PyArray_STRIDE(array, axis)
    return end


def launch(str name, dtype, **fields):
    """Run one kernel.

    Parameters
    ----------
    name : str
        A kernel of kernels.def.
    dtype : numpy.dtype
        float32 or float64, what T stands for.
    **fields
        One value per field of the kernel, by name: arrays for pointers (None for an absent optional one), ints for
        sizes, floats for scalars. Scratch memory is supplied here.

    Raises
    ------
    TypeError, ValueError
        A missing or unknown field, an array of the wrong dtype, a read-only output, too few elements. The caller
        is an op that was meant to check its arguments; these errors are the net below it.
    """
    cdef Kernel kernel = find_kernel(name)
    cdef int number = dtype_number(dtype)
    cdef int itemsize = 4 if number == 0 else 8
    cdef slot args[FNN_MAX_FIELDS]
    cdef ptrdiff_t avail[FNN_MAX_FIELDS]
    cdef int nfields = kernel.info.nfields
    cdef int given = 0
    cdef int f
    cdef fnn_role role
    cdef cnp.ndarray array
    for f in range(nfields):
        role = kernel.info.fields[f].role
        if role == FNN_SCRATCH:
            args[f].pointer = NULL
            continue
        field = kernel.names[f]
        try:
            value = fields[field]
        except KeyError:
            raise TypeError(f"launch {name}: field {field!r} is missing.") from None
        given += 1
        if role == FNN_SIZE:
            try:
                args[f].size = value
            except OverflowError:
                raise ValueError(f"{name}: {field} must fit into 64 bits; got {value}.") from None
        elif role == FNN_SCALAR:
            args[f].scalar = value
        elif value is None:
            if role != FNN_OPT_IN and role != FNN_OPT_OUT:
                raise TypeError(f"launch {name}: field {field!r} must be an array; got None.")
            args[f].pointer = NULL
            avail[f] = -2
        else:
            if not isinstance(value, np.ndarray):
                raise TypeError(f"launch {name}: field {field!r} must be an ndarray; got {type(value).__name__}.")
            array = value
            if not type_matches(kernel.info.fields[f].type, number, cnp.PyArray_TYPE(array)):
                raise TypeError(
                    f"launch {name}: field {field!r} has the wrong dtype {array.dtype} for a {dtype} launch."
                )
            if not cnp.PyArray_ISALIGNED(array) or cnp.PyArray_ISBYTESWAPPED(array):
                raise TypeError(f"launch {name}: field {field!r} must be aligned and in native byte order.")
            if role != FNN_IN and role != FNN_OPT_IN and not cnp.PyArray_ISWRITEABLE(array):
                raise ValueError(f"launch {name}: field {field!r} is written, but the array is read-only.")
            args[f].pointer = cnp.PyArray_DATA(array)
            avail[f] = reach(array)
            if avail[f] == -1:
                raise ValueError(f"launch {name}: field {field!r} must not have negative strides.")
    if given != len(fields):
        unknown = set(fields) - set(kernel.names)
        raise TypeError(
            f"launch {name}: unknown or scratch fields {sorted(unknown or fields)}; it takes {kernel.names}."
        )

    # Sharing pays only above a certain amount of work; the result is the same bits either way.
    cdef double work = kernel.info.work(args)
    cdef int team = simulated_threads or current_threads()
    cdef int nth = team if simulated_threads or work >= SERIAL_WORK else 1
    cdef Program noting = None if fnn_dry else current_recorder()
    if noting is not None:
        nth = noting.team(work)
    cdef list scratch = None
    cdef Block block
    cdef ptrdiff_t need
    for f in range(nfields):
        role = kernel.info.fields[f].role
        if role == FNN_SIZE or role == FNN_SCALAR:
            continue
        need = kernel.info.count(args, f, itemsize, nth) * type_bytes(kernel.info.fields[f].type, itemsize)
        if role == FNN_SCRATCH:
            block = Block(need)
            args[f].pointer = block.address
            if scratch is None:
                scratch = []
            scratch.append(block)
        elif avail[f] != -2 and need > avail[f]:
            raise ValueError(
                f"launch {name}: field {kernel.names[f]!r} needs {need} bytes; the array reaches {avail[f]}."
            )
    if fnn_dry:
        return
    for launches in tracers:
        launches.append((name, np.dtype(dtype).name, dict(fields)))

    cdef fnn_entry entry
    if noting is not None:
        if noting.rebinding:
            noting.renew(kernel, number, args)
            return
        noting.note(kernel, number, args, nth, fields)
    entry.fn = fnn_lookup(kernel_table, kernel.number, number)
    entry.args = args
    entry.guard = NULL
    entry.nth = nth
    entry.barrier = 0
    if work < GIL_WORK:
        fnn_run(&entry, 1, 1)
    else:
        team = 1 if simulated_threads or nth == 1 else team
        with nogil:
            fnn_run(&entry, 1, team)


def scratch_count(str name, dtype, str field, **sizes):
    """Elements that a pointer field of a kernel needs for the given sizes, as kernels.def states it.

    For buffers that two kernels share (written by one, read by the next). Only sizes and scalars are looked at.
    """
    cdef Kernel kernel = find_kernel(name)
    cdef int number = dtype_number(dtype)
    cdef slot args[FNN_MAX_FIELDS]
    cdef int f
    cdef int wanted = -1
    for f in range(kernel.info.nfields):
        args[f].pointer = NULL
        if kernel.info.fields[f].role == FNN_SIZE:
            args[f].size = sizes.pop(kernel.names[f], 0)
        elif kernel.info.fields[f].role == FNN_SCALAR:
            args[f].scalar = sizes.pop(kernel.names[f], 0.0)
        elif kernel.names[f] == field:
            wanted = f
    if wanted < 0 or sizes:
        raise TypeError(f"scratch_count {name}: no such pointer {field!r}, or unknown sizes {sorted(sizes)}.")
    return kernel.info.count(args, wanted, 4 if number == 0 else 8, simulated_threads or current_threads())


def zeros(shape, dtype):
    """A new array of zeros, aligned like those of `empty`."""
    array = empty(shape, dtype)
    launch("fill_zero", FLOAT32, x=array, nbytes=array.nbytes)
    return array
