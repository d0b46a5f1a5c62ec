# How many threads a launch may use, and which instruction set its kernels are compiled for.

if fnn_executor_init() != 0:
    raise ImportError("fastnn: pthread_atfork failed; the fork guard could not be installed")

cdef int requested_threads = 0       # set_num_threads; 0: not set
cdef int simulated_threads = 0       # simulate_threads; 0: off
cdef int environment_threads = 0     # FASTNN_NUM_THREADS; 0: not set
cdef const void *kernel_table = NULL
cdef str isa_name = ""


def _positive(value, str who, str argument):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{who}: {argument} must be an integer; got {value!r}.")
    if value < 1:
        raise ValueError(f"{who}: {argument} must be at least 1; got {value!r}.")
    return int(value)


def _cgroup_quota():
    """CPUs that the cgroup allows (cpu.max of v2, cfs quota of v1), or None where there is no limit."""
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()
        return None if quota == "max" else max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        pass
    try:
        with open("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") as file:
            quota = int(file.read())
        with open("/sys/fs/cgroup/cpu/cpu.cfs_period_us") as file:
            period = int(file.read())
        return None if quota <= 0 else max(1, math.ceil(quota / period))
    except (OSError, ValueError):
        return None


def _affinity():
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


# Affinity and quota are read once: both take a system call or a file, and a launch asks every time.
cdef int machine_threads = min(_affinity(), _cgroup_quota() or 1 << 30)


def _read_environment_threads():
    global environment_threads
    text = os.environ.get("FASTNN_NUM_THREADS", "")
    if not text:
        return
    try:
        environment_threads = _positive(int(text), "FASTNN_NUM_THREADS", "its value")
    except ValueError:
        raise ImportError(
            f"FASTNN_NUM_THREADS: its value must be an integer of at least 1; got {text!r}. Unset it, or correct it."
        ) from None


_read_environment_threads()


cdef int current_threads() noexcept:
    cdef int n = fnn_openmp_max_threads()
    cdef int wish = requested_threads or environment_threads
    if wish and wish < n:
        n = wish
    return machine_threads if machine_threads < n else n


def execution():
    """What a recording depends on beside the model: the instruction set and the number of threads."""
    return isa_name, simulated_threads, current_threads()


def get_num_threads():
    """Threads a large launch uses now: the least of the wish, the OpenMP limit, CPU affinity and cgroup quota."""
    return current_threads()


def set_num_threads(n):
    """Use at most ``n`` threads from now on; None goes back to the environment's choice."""
    global requested_threads
    requested_threads = 0 if n is None else _positive(n, "set_num_threads", "n")
    structure_changed()


def threads_reason():
    """The thread count and what decided it, in words."""
    if fnn_is_forked_child():
        return "1: a forked child runs serially (libgomp does not survive fork)"
    if not fnn_openmp_version():
        return "1: built without OpenMP"
    limits = {
        "set_num_threads": requested_threads,
        "FASTNN_NUM_THREADS": 0 if requested_threads else environment_threads,
        "OpenMP's limit (OMP_NUM_THREADS, threadpoolctl)": fnn_openmp_max_threads(),
        "CPU affinity": _affinity(),
        "cgroup CPU quota": _cgroup_quota() or 0,
    }
    n = current_threads()
    return f"{n}: limited by " + ", ".join([name for name, limit in limits.items() if limit == n])


class simulate_threads:
    """Within this context every launch runs as parts 0..n-1 of n, one after the other, on the calling thread."""

    def __init__(self, n):
        self.n = _positive(n, "simulate_threads", "n")

    def __enter__(self):
        global simulated_threads
        self.before = simulated_threads
        simulated_threads = self.n
        structure_changed()

    def __exit__(self, *exc):
        global simulated_threads
        simulated_threads = self.before
        structure_changed()


def isas():
    """Names of the instruction sets this build and this CPU can run, best first."""
    cdef int n = 0
    cdef const fnn_isa *found = fnn_isas(&n)
    return [found[i].name.decode() for i in range(n)]


def isa():
    """Name of the instruction set in use."""
    return isa_name


def _set_isa(str name):
    global kernel_table, isa_name
    cdef int n = 0
    cdef const fnn_isa *found = fnn_isas(&n)
    for i in range(n):
        if found[i].name.decode() == name:
            kernel_table = found[i].table
            isa_name = name
            structure_changed()
            return
    raise ValueError(f"FASTNN_ISA: the instruction set must be one of {', '.join(isas())} "
                     f"(this build on this CPU); got {name!r}. Unset FASTNN_ISA to choose automatically.")


class use_isa:
    """Within this context launches use the kernels of another instruction set."""

    def __init__(self, str name):
        self.name = name

    def __enter__(self):
        self.before = isa_name
        _set_isa(self.name)

    def __exit__(self, *exc):
        _set_isa(self.before)


try:
    _set_isa(os.environ.get("FASTNN_ISA") or isas()[0])
except ValueError as error:
    raise ImportError(str(error)) from None


def build_info():
    """Facts about the build: compiler and OpenMP version (0: serial)."""
    return {"compiler": FNN_COMPILER.decode(), "openmp": fnn_openmp_version()}
