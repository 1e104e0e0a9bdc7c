// kernel:concat — Y = X0, X1 … one after another along an axis.
//
//   inputs      one or more of one type of 1 to 16 bytes, of the same dimensions except along the axis
//   outputs     Y; may be the memory of X0 if nothing of X0 has to move: one row before the axis, or capacity for
//   Y's rows attributes  axis (integer, 0)
#pragma once
