"""How a Tensor meets the rest of Python.

printing (its repr), exchange (copy, pickle, DLPack), numpy_calls (NumPy's functions, called with Tensors). The array
API standard's namespace, which NumPy's functions are answered from, is minigrad.array_api.
"""
