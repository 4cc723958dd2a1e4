// For processors with AVX2 and FMA.
#include "kernels.h"
#include "rows.h"

const Kernels kAvx2 = {gelu_rows, norm_row, nullptr, nullptr};
