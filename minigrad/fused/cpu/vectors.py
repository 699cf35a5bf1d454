"""Vectors as values inside Numba: ``vload(a, i, n)`` is n words of a flat array from element i on.

n is a literal power of two and counts words of 32 bits, so that the same source serves float32 (n elements) and
float64 (n / 2). A vector may be wider than a register: the compiler splits it into as many as it needs, so one line
such as ``acc = vfma(vset(x, 256), vload(w, i, 256), acc)`` is a whole register tile, on any instruction set. Shuffles
that move whole registers cost nothing. Offsets count elements and are not checked.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

I8P, I32 = ir.IntType(8).as_pointer(), ir.IntType(32)


class Vector(types.Type):
    """``n`` elements of one floating type."""

    def __init__(self, dtype, n):
        self.dtype, self.n = dtype, n
        super().__init__(name=f"Vector({dtype}, {n})")


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """In LLVM: ``<n x float>`` or ``<n x double>``."""

    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, _llvm(fe_type))


def _llvm(v):
    return ir.VectorType(ir.FloatType() if v.dtype == types.float32 else ir.DoubleType(), v.n)


def _literal(n):
    return getattr(n, "literal_value", None)


def _of_words(dtype, n):
    return Vector(dtype, _literal(n) * 32 // dtype.bitwidth)


def _address(context, builder, array_type, array, offset):
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [offset])


def _function(builder, name, result, arguments):
    known = builder.module.globals.get(name)
    return known or ir.Function(builder.module, ir.FunctionType(result, arguments), name)


def _shuffle(builder, x, lanes, y=None):
    other = ir.Constant(x.type, ir.Undefined) if y is None else y
    return builder.shuffle_vector(x, other, ir.Constant(ir.VectorType(I32, len(lanes)), list(lanes)))


# -------------------------------------------------------------------------------------------- memory


@intrinsic(prefer_literal=True)
def vload(typing, a, i, n):
    """n words of ``a`` from element i on."""
    if _literal(n) is None:
        return None
    v = _of_words(a.dtype, n)

    def code(context, builder, sig, args):
        p = builder.bitcast(_address(context, builder, sig.args[0], args[0], args[1]), _llvm(v).as_pointer())
        loaded = builder.load(p)
        loaded.align = a.dtype.bitwidth // 8
        return loaded

    return v(a, types.intp, n), code


@intrinsic
def vstore(typing, a, i, x):
    """Write x into ``a`` from element i on."""

    def code(context, builder, sig, args):
        p = builder.bitcast(_address(context, builder, sig.args[0], args[0], args[1]), _llvm(x).as_pointer())
        builder.store(args[2], p).align = a.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(a, types.intp, x), code


@intrinsic
def vload4(typing, a, i):
    """Four elements of ``a`` from element i on."""
    v = Vector(a.dtype, 4)

    def code(context, builder, sig, args):
        p = builder.bitcast(_address(context, builder, sig.args[0], args[0], args[1]), _llvm(v).as_pointer())
        loaded = builder.load(p)
        loaded.align = a.dtype.bitwidth // 8
        return loaded

    return v(a, types.intp), code


@intrinsic
def load(typing, a, i):
    """``a[i]`` for i >= 0, without the code for negative indices."""

    def code(context, builder, sig, args):
        return builder.load(_address(context, builder, sig.args[0], args[0], args[1]))

    return a.dtype(a, types.intp), code


@intrinsic
def store(typing, a, i, x):
    """``a[i] = x`` for i >= 0."""

    def code(context, builder, sig, args):
        builder.store(args[2], _address(context, builder, sig.args[0], args[0], args[1]))
        return context.get_dummy_value()

    return types.void(a, types.intp, a.dtype), code


@intrinsic(prefer_literal=True)
def prefetch(typing, a, i, n):
    """Ask for the cache lines of n words of ``a``, to be in the second-level cache soon."""
    if _literal(n) is None:
        return None

    def code(context, builder, sig, args):
        ask = _function(builder, "llvm.prefetch.p0", ir.VoidType(), [I8P, I32, I32, I32])
        for word in range(0, _literal(n), 16):  # a line has 64 bytes
            at = builder.add(args[1], args[1].type(word * 32 // a.dtype.bitwidth))
            p = builder.bitcast(_address(context, builder, sig.args[0], args[0], at), I8P)
            builder.call(ask, [p, I32(0), I32(2), I32(1)])
        return context.get_dummy_value()

    return types.void(a, types.intp, n), code


@intrinsic
def array_at(typing, address, size, like):
    """The flat array of ``size`` elements of ``like``'s type at a memory address, owned by somebody else."""
    array_type = types.Array(types.unliteral(like), 1, "C")

    def code(context, builder, sig, args):
        array = context.make_array(array_type)(context, builder)
        data = builder.inttoptr(args[0], context.get_data_type(array_type.dtype).as_pointer())
        bytes_each = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(array_type.dtype)))
        context.populate_array(
            array,
            data=data,
            shape=cgutils.pack_array(builder, [args[1]]),
            strides=cgutils.pack_array(builder, [bytes_each]),
            itemsize=bytes_each,
            meminfo=None,
        )
        return array._getvalue()

    return array_type(types.int64, types.intp, like), code


# ---------------------------------------------------------------------------------------- arithmetic


@intrinsic(prefer_literal=True)
def vset(typing, x, n):
    """x in every lane."""
    if _literal(n) is None:
        return None
    v = _of_words(types.unliteral(x), n)

    def code(context, builder, sig, args):
        one = builder.insert_element(ir.Constant(_llvm(v), ir.Undefined), args[0], I32(0))
        return _shuffle(builder, one, [0] * v.n)

    return v(types.unliteral(x), n), code


@intrinsic
def vset4(typing, x):
    """x in four lanes."""
    v = Vector(types.unliteral(x), 4)

    def code(context, builder, sig, args):
        one = builder.insert_element(ir.Constant(_llvm(v), ir.Undefined), args[0], I32(0))
        return _shuffle(builder, one, [0] * 4)

    return v(types.unliteral(x)), code


@intrinsic
def vfma(typing, x, y, z):
    """``x y + z``, rounded once."""
    t, kind = _llvm(x), "f32" if x.dtype == types.float32 else "f64"

    def code(context, builder, sig, args):
        return builder.call(_function(builder, f"llvm.fma.v{x.n}{kind}", t, [t, t, t]), args)

    return x(x, x, x), code


@intrinsic
def vinto(typing, x, y, z):
    """z plus ``x y``, all registers of the product added into the one that z is."""
    t, kind = _llvm(z), "f32" if x.dtype == types.float32 else "f64"

    def code(context, builder, sig, args):
        x, y, total = args
        fma = _function(builder, f"llvm.fma.v{z.n}{kind}", t, [t, t, t])
        for lanes in (range(k, k + z.n) for k in range(0, sig.args[0].n, z.n)):
            total = builder.call(fma, [_shuffle(builder, x, lanes), _shuffle(builder, y, lanes), total])
        return total

    return z(x, x, z), code


@intrinsic
def vadd(typing, x, y):
    """``x + y``."""

    def code(context, builder, sig, args):
        return builder.fadd(*args)

    return x(x, x), code


@intrinsic
def vpick(typing, x, y, a, b):
    """In each lane a where x > y or x is nan, b elsewhere and where y is nan: the first largest, nan largest of all."""

    def code(context, builder, sig, args):
        x, y, a, b = args
        larger = builder.fcmp_unordered(">", x, y)
        return builder.select(builder.and_(larger, builder.fcmp_ordered("ord", y, y)), a, b)

    return a(x, x, a, a), code


@intrinsic(prefer_literal=True)
def vsums(typing, x, words):
    """The sum of each group of so many words: by halves, so that the rounding error grows with the logarithm."""
    if _literal(words) is None:
        return None
    group = _literal(words) * 32 // x.dtype.bitwidth
    sums = Vector(x.dtype, x.n // group)

    def code(context, builder, sig, args):
        v, n = args[0], x.n
        while n > sums.n:
            even, odd = (_shuffle(builder, v, range(k, n, 2)) for k in (0, 1))
            v, n = builder.fadd(even, odd), n // 2
        return v

    return sums(x, words), code


# ------------------------------------------------------------------------------------- rearrangement


@intrinsic
def vcat(typing, x, y):
    """x, then y."""
    v = Vector(x.dtype, 2 * x.n)

    def code(context, builder, sig, args):
        return _shuffle(builder, args[0], range(2 * x.n), args[1])

    return v(x, x), code


@intrinsic(prefer_literal=True)
def vrepeat(typing, x, lanes, times):
    """Every group of ``lanes`` words ``times`` times in a row: ab -> aabb."""
    if _literal(lanes) is None or _literal(times) is None:
        return None
    each, count = _literal(lanes) * 32 // x.dtype.bitwidth, _literal(times)
    v = Vector(x.dtype, x.n * count)
    order = [start + i for start in range(0, x.n, each) for _ in range(count) for i in range(each)]

    def code(context, builder, sig, args):
        return _shuffle(builder, args[0], order)

    return v(x, lanes, times), code


@intrinsic(prefer_literal=True)
def vtile(typing, x, times):
    """The whole vector ``times`` times: ab -> abab."""
    if _literal(times) is None:
        return None
    v = Vector(x.dtype, x.n * _literal(times))

    def code(context, builder, sig, args):
        return _shuffle(builder, args[0], list(range(x.n)) * _literal(times))

    return v(x, times), code


@intrinsic
def ticks(typing):
    """The processor's time stamp, for the profile of a step by part."""

    def code(context, builder, sig, args):
        return builder.call(_function(builder, "llvm.readcyclecounter", ir.IntType(64), []), [])

    return types.int64(), code


@intrinsic
def float_of_bits(typing, bits):
    """The float32 that these 32 bits are."""

    def code(context, builder, sig, args):
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), code
