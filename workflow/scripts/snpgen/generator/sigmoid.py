"""The logistic function in compiled code, without branches, so that the compiler vectorises loops over it."""

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

_FLOAT = np.float32
_LOG2E, _LN2_HIGH, _LN2_LOW = _FLOAT(1.44269504), _FLOAT(0.693359375), _FLOAT(-2.12194440e-4)
_HALF, _ONE = _FLOAT(0.5), _FLOAT(1)
_MAX_LOG_ODDS = _FLOAT(40)  # so that products of two probabilities are above 0
# Cephes expf: exp(r) = 1 + r + r^2 P(r) for |r| < ln(2) / 2.
_P0, _P1, _P2 = _FLOAT(1.9875691500e-4), _FLOAT(1.3981999507e-3), _FLOAT(8.3334519073e-3)
_P3, _P4, _P5 = _FLOAT(4.1665795894e-2), _FLOAT(1.6666665459e-1), _FLOAT(5.0000001201e-1)


@intrinsic
def _as_float(context: Any, bits: Any) -> Any:
    """The float32 with these bits, int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float32))

    return types.float32(types.int32), generate


as_float: Any = _as_float  # numba passes the context itself


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def exponential(x: Any) -> Any:
    """Exponential function of a float32 from -87 to 87, without branches, so that the compiler vectorises it."""
    n = np.floor(x * _LOG2E + _HALF)
    r = x - n * _LN2_HIGH - n * _LN2_LOW
    p = ((((_P0 * r + _P1) * r + _P2) * r + _P3) * r + _P4) * r + _P5
    return (p * r * r + r + _ONE) * as_float(
        np.int32((np.int32(n) + np.int32(127)) << np.int32(23))
    )


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def sigmoid(x: Any) -> Any:
    """Logistic function of a float32, from 4e-18 to 1 - 4e-18."""
    return _ONE / (_ONE + exponential(min(max(-x, -_MAX_LOG_ODDS), _MAX_LOG_ODDS)))
