// The part of onnxruntime's C interface that a library of operators needs, as plain C structures.
//
// onnxruntime's wheels bring no headers. Its interface is a table of functions whose order never changes: new ones are
// appended, and a library names the version that it was written for (onnxruntime.ai/docs/api/c, struct OrtApi; the
// table's places below are counted from there). tests/unit/ml/test_kernels.py fails on any that is wrong.
#pragma once

#include <cstddef>
#include <cstdint>

struct OrtStatus;
struct OrtSessionOptions;
struct OrtCustomOpDomain;
struct OrtKernelInfo;
struct OrtKernelContext;
struct OrtValue;
struct OrtTensorTypeAndShapeInfo;

constexpr uint32_t kApiVersion = 16;  // the first in which an operator can say that it failed

// ONNXTensorElementDataType
constexpr int kFloat32 = 1, kUint8 = 2, kInt8 = 3, kInt64 = 7;

struct OrtApi {
  void* function[275];
};

struct OrtApiBase {
  const OrtApi* (*GetApi)(uint32_t version);
  const char* (*GetVersionString)();
};

struct OrtCustomOp {
  uint32_t version;
  void* (*CreateKernel)(const OrtCustomOp*, const OrtApi*, const OrtKernelInfo*);
  const char* (*GetName)(const OrtCustomOp*);
  const char* (*GetExecutionProviderType)(const OrtCustomOp*);
  int (*GetInputType)(const OrtCustomOp*, size_t);
  size_t (*GetInputTypeCount)(const OrtCustomOp*);
  int (*GetOutputType)(const OrtCustomOp*, size_t);
  size_t (*GetOutputTypeCount)(const OrtCustomOp*);
  void (*KernelCompute)(void*, OrtKernelContext*);
  void (*KernelDestroy)(void*);
  int (*GetInputCharacteristic)(const OrtCustomOp*, size_t);
  int (*GetOutputCharacteristic)(const OrtCustomOp*, size_t);
  int (*GetInputMemoryType)(const OrtCustomOp*, size_t);
  int (*GetVariadicInputMinArity)(const OrtCustomOp*);
  int (*GetVariadicInputHomogeneity)(const OrtCustomOp*);
  int (*GetVariadicOutputMinArity)(const OrtCustomOp*);
  int (*GetVariadicOutputHomogeneity)(const OrtCustomOp*);
  OrtStatus* (*CreateKernelV2)(const OrtCustomOp*, const OrtApi*, const OrtKernelInfo*, void**);
  OrtStatus* (*KernelComputeV2)(void*, OrtKernelContext*);
};

// Places in OrtApi, and what stands there.
template <int At, class Signature>
struct ApiFunction {
  Signature* in(const OrtApi* api) const { return reinterpret_cast<Signature*>(api->function[At]); }
};

namespace ort {
constexpr ApiFunction<0, OrtStatus*(int code, const char* message)> CreateStatus;
constexpr ApiFunction<26, OrtStatus*(const char* name, OrtCustomOpDomain**)> CreateCustomOpDomain;
constexpr ApiFunction<27, OrtStatus*(OrtCustomOpDomain*, const OrtCustomOp*)> CustomOpDomain_Add;
constexpr ApiFunction<28, OrtStatus*(OrtSessionOptions*, OrtCustomOpDomain*)> AddCustomOpDomain;
constexpr ApiFunction<51, OrtStatus*(OrtValue*, void**)> GetTensorMutableData;
constexpr ApiFunction<61, OrtStatus*(const OrtTensorTypeAndShapeInfo*, size_t*)> GetDimensionsCount;
constexpr ApiFunction<62, OrtStatus*(const OrtTensorTypeAndShapeInfo*, int64_t*, size_t)> GetDimensions;
constexpr ApiFunction<65, OrtStatus*(const OrtValue*, OrtTensorTypeAndShapeInfo**)> GetTensorTypeAndShape;
constexpr ApiFunction<85, OrtStatus*(const OrtKernelInfo*, const char*, float*)> KernelInfoGetAttribute_float;
constexpr ApiFunction<90, OrtStatus*(const OrtKernelContext*, size_t, const OrtValue**)> KernelContext_GetInput;
constexpr ApiFunction<91, OrtStatus*(OrtKernelContext*, size_t, const int64_t*, size_t, OrtValue**)>
    KernelContext_GetOutput;
constexpr ApiFunction<99, void(OrtTensorTypeAndShapeInfo*)> ReleaseTensorTypeAndShapeInfo;
constexpr ApiFunction<249, OrtStatus*(const OrtKernelInfo*, size_t, int*, const OrtValue**)>
    KernelInfoGetConstantInput_tensor;
constexpr ApiFunction<274, OrtStatus*(const OrtKernelContext*, void (*)(void*, size_t), size_t, size_t, void*)>
    KernelContext_ParallelFor;
}  // namespace ort
