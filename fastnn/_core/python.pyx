# Calls of Python as entries of a Program, and when two recordings call the same function.

from types import FunctionType, MethodType

cdef int MOST_NESTED = 16           # functions in closures of functions that are compared


cdef bint same_function(a, b, tuple above=()):
    """Whether two functions do the same: made by the same code over the same objects.

    `above` are the pairs whose comparison this one is part of: a function can be in its own closure.
    """
    if a is b or (id(a), id(b)) in above:
        return True
    if isinstance(a, MethodType) and isinstance(b, MethodType):
        return a.__self__ is b.__self__ and same_function(a.__func__, b.__func__, above)
    if not (isinstance(a, FunctionType) and isinstance(b, FunctionType)) or len(above) >= MOST_NESTED:
        return False
    above = (*above, (id(a), id(b)))
    return (
        a.__code__ is b.__code__ and a.__globals__ is b.__globals__
        and same_object((a.__defaults__, *(a.__kwdefaults__ or {}).items()),
                        (b.__defaults__, *(b.__kwdefaults__ or {}).items()), above)
        and same_object(cells(a), cells(b), above)
    )


cdef tuple cells(function):
    """The contents of a function's closure, each as a tuple: an empty one of a name that has no value."""
    found = []
    for cell in function.__closure__ or ():
        try:
            found.append((cell.cell_contents,))
        except ValueError:
            found.append(())
    return tuple(found)


cdef bint same_object(a, b, tuple above):
    if a is b or (isinstance(a, (FunctionType, MethodType)) and same_function(a, b, above)):
        return True
    if type(a) is tuple and type(b) is tuple and len(a) == len(b):
        return all([same_object(x, y, above) for x, y in zip(a, b, strict=True)])
    return type(a) is type(b) and type(a) in PLAIN and a == b


def call_python(function, call, tuple inputs, tuple outputs):
    """Run ``call()``, which computes the outputs from the inputs in Python, now and at every replay.

    It keeps all these arrays; the inputs are none of a Program's. Recordings in which `function` differs are not the
    same. What it launches is not recorded.
    """
    global recording_thread
    cdef unsigned long thread = recording_thread
    cdef Program noting = current_recorder()
    if fnn_dry:
        return
    if noting is None:
        call()
        return
    if noting.rebinding:
        raise RuntimeError("Program.rebind: these are not the launches that were recorded.")
    noting.note_python(function, call, inputs, outputs)
    recording_thread = 0
    try:
        call()
    finally:
        recording_thread = thread
