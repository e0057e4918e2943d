"""Eight 32-bit floats as one value in compiled loops.

LLVM turns each operation into one or two instructions of whatever processor runs it (AVX, NEON). Numba's own
vectorizer gives up on loops that write to several arrays, because it cannot exclude that they overlap.

Multiply-and-add is always fused, so that every processor and every loop rounds alike.

Numba keeps compiled loops as long as their own file is unchanged: change `kernels.py` as well when this file changes.
"""

from collections.abc import Callable, Sequence

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.base import BaseContext
from numba.core.typing.context import Context as TypingContext
from numba.core.typing.templates import Signature
from numba.extending import intrinsic, models, register_model

LANES = 8

_Values = Sequence[ir.Value]
_Intrinsic = tuple[Signature, Callable[[BaseContext, ir.IRBuilder, Signature, _Values], ir.Value]]

_FLOAT, _DOUBLE = ir.FloatType(), ir.DoubleType()
_VECTOR, _WIDE = ir.VectorType(_FLOAT, LANES), ir.VectorType(_DOUBLE, LANES)
_INT = ir.IntType(32)

ROUNDING = 1.5 * 2**12
"""Added to a 64-bit float and taken away again it leaves a multiple of 2**-40.

Sums of such multiples are exact up to 4,096, so contributions do not depend on the order in which they are added.
"""


class Vector:
    """What the loops see: eight floats."""


def _operation(typed: Callable[..., _Intrinsic]) -> Callable[..., Vector]:
    """An operation that Numba's loops can call, from its types and the instructions it becomes."""
    compiled: Callable[..., Vector] = intrinsic(typed)
    return compiled


class Lanes(types.Type):
    """Numba's type of eight floats."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


lanes = Lanes()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc,unused-ignore]
    def __init__(self, dmm: object, fe_type: types.Type) -> None:
        super().__init__(dmm, fe_type, _VECTOR)


def _constant(kind: ir.VectorType, value: float) -> ir.Constant:
    return ir.Constant(kind, [value] * LANES)


def _pointer(
    context: BaseContext, builder: ir.IRBuilder, array_type: types.Type, array: ir.Value, at: ir.Value, kind: ir.Type
) -> ir.Value:
    """Where the elements of a one-dimensional array from `at` on begin."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), kind.as_pointer())


def _call(builder: ir.IRBuilder, name: str, kind: ir.Type, arguments: _Values) -> ir.Value:
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * len(arguments)), name)
    return builder.call(function, arguments)


@_operation
def load(typing: TypingContext, array: types.Type, at: types.Type) -> _Intrinsic:
    """Elements `at` to `at` + 7 of an array of 32-bit floats."""

    def generate(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: _Values) -> ir.Value:
        return builder.load(_pointer(context, builder, signature.args[0], arguments[0], arguments[1], _VECTOR), align=4)

    return lanes(array, at), generate


@_operation
def store(typing: TypingContext, array: types.Type, at: types.Type, value: types.Type) -> _Intrinsic:
    """Write to elements `at` to `at` + 7."""

    def generate(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: _Values) -> ir.Value:
        array_value, place, content = arguments
        builder.store(content, _pointer(context, builder, signature.args[0], array_value, place, _VECTOR), align=4)
        return context.get_dummy_value()

    return types.void(array, at, value), generate


@_operation
def splat(typing: TypingContext, value: types.Type) -> _Intrinsic:
    """A 32-bit float in every lane."""

    def generate(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: _Values) -> ir.Value:
        one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), arguments[0], ir.Constant(_INT, 0))
        return builder.shuffle_vector(
            one, ir.Constant(_VECTOR, ir.Undefined), ir.Constant(ir.VectorType(_INT, LANES), [0] * LANES)
        )

    return lanes(types.float32), generate


@_operation
def gather(typing: TypingContext, array: types.Type, places: types.Type, at: types.Type) -> _Intrinsic:
    """Elements of an array of floats at `places[at]` to `places[at + 7]`."""

    def generate(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: _Values) -> ir.Value:
        source = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        indices = context.make_array(signature.args[1])(context, builder, arguments[1]).data
        out = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.gep(indices, [arguments[2]])
        for lane in range(LANES):
            place = builder.load(builder.gep(first, [ir.Constant(_INT, lane)]))
            element = builder.load(builder.gep(source, [builder.zext(place, ir.IntType(64))]))
            out = builder.insert_element(out, element, ir.Constant(_INT, lane))
        return out

    return lanes(array, places, at), generate


@_operation
def goes_left(typing: TypingContext, value: types.Type, threshold: types.Type, missing_left: types.Type) -> _Intrinsic:
    """1 where the value is below the threshold, `missing_left` (1 or 0) where it is missing (NaN), else 0."""

    def generate(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: _Values) -> ir.Value:
        x, bound, missing = arguments
        absent = builder.select(builder.fcmp_unordered("uno", x, x), missing, _constant(_VECTOR, 0.0))
        return builder.select(builder.fcmp_ordered("<", x, bound), _constant(_VECTOR, 1.0), absent)

    return lanes(lanes, lanes, lanes), generate


@_operation
def choose(typing: TypingContext, condition: types.Type, yes: types.Type, no: types.Type) -> _Intrinsic:
    """`yes` where the condition (1 or 0) is 1, else `no`."""

    def generate(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: _Values) -> ir.Value:
        return builder.select(
            builder.fcmp_ordered("!=", arguments[0], _constant(_VECTOR, 0.0)), arguments[1], arguments[2]
        )

    return lanes(lanes, lanes, lanes), generate


@_operation
def fma(typing: TypingContext, a: types.Type, b: types.Type, c: types.Type) -> _Intrinsic:
    """a × b + c, rounded once."""

    def generate(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: _Values) -> ir.Value:
        return _call(builder, f"llvm.fma.v{LANES}f32", _VECTOR, arguments)

    return lanes(lanes, lanes, lanes), generate


@_operation
def multiply(typing: TypingContext, a: types.Type, b: types.Type) -> _Intrinsic:
    """a × b."""

    def generate(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: _Values) -> ir.Value:
        return builder.fmul(*arguments)

    return lanes(lanes, lanes), generate


@_operation
def subtract(typing: TypingContext, a: types.Type, b: types.Type) -> _Intrinsic:
    """a - b."""

    def generate(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: _Values) -> ir.Value:
        return builder.fsub(*arguments)

    return lanes(lanes, lanes), generate


@_operation
def add_rounded(typing: TypingContext, array: types.Type, at: types.Type, value: types.Type) -> _Intrinsic:
    """Add to elements `at` to `at` + 7 of an array of 64-bit floats, as multiples of 2**-40 (`ROUNDING`)."""

    def generate(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: _Values) -> ir.Value:
        array_value, place, content = arguments
        where = _pointer(context, builder, signature.args[0], array_value, place, _WIDE)
        bound = _constant(_WIDE, ROUNDING)
        wide = builder.fpext(content, _WIDE)
        rounded = builder.fsub(builder.fadd(wide, bound), bound)
        builder.store(builder.fadd(builder.load(where, align=8), rounded), where, align=8)
        return context.get_dummy_value()

    return types.void(array, at, lanes), generate
