// kernel:concat — Y = X0, X1 … one after another along an axis.
//
//   inputs      one or more of one type of 1 to 16 bytes, of the same dimensions but for the axis
//   outputs     Y; may be the memory of X0 where nothing of X0 has to move: there is one row of rows, or room for Y's
//   attributes  axis (integer, 0)
#pragma once
