// The operators of the domain "infolens" for onnxruntime: each is a function of standard operators that a model brings
// (infolens/ml/training/fused_operators.py says which), computed here in fewer passes over memory. ADR 0025.
//
// Registered is what this processor has kernels for. For the rest onnxruntime runs the model's function, so that a model
// gives the same answers, but for rounding, with this library, with a part of it, and without.
#include <cpuid.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernels.h"
#include "onnxruntime_abi.h"

namespace {

const OrtApi* api;          // the same for all sessions of a process
const Kernels* kernels;     // of this processor
const char* kernels_name = "none";

constexpr int kInvalid = 2;  // OrtErrorCode ORT_INVALID_ARGUMENT
constexpr size_t kMostDimensions = 8;

OrtStatus* failure(const char* what, const char* why) {
  char message[256];
  snprintf(message, sizeof message, "infolens.%s: %s", what, why);
  return ort::CreateStatus.in(api)(kInvalid, message);
}

#define RETURN_IF_FAILED(expression) \
  if (OrtStatus* status = (expression)) return status

struct Tensor {
  const void* data;
  int64_t shape[kMostDimensions];
  size_t rank, count;

  template <class T>
  const T* as() const { return static_cast<const T*>(data); }
  template <class T>
  T first() const { return *as<T>(); }
  size_t width() const { return rank ? shape[rank - 1] : 1; }
};

OrtStatus* read(const OrtValue* value, Tensor& tensor) {
  RETURN_IF_FAILED(ort::GetTensorMutableData.in(api)(const_cast<OrtValue*>(value), const_cast<void**>(&tensor.data)));
  OrtTensorTypeAndShapeInfo* info;
  RETURN_IF_FAILED(ort::GetTensorTypeAndShape.in(api)(value, &info));
  OrtStatus* status = ort::GetDimensionsCount.in(api)(info, &tensor.rank);
  if (!status && tensor.rank > kMostDimensions) status = failure("tensor", "has more than 8 dimensions");
  if (!status) status = ort::GetDimensions.in(api)(info, tensor.shape, tensor.rank);
  ort::ReleaseTensorTypeAndShapeInfo.in(api)(info);
  tensor.count = 1;
  for (size_t i = 0; !status && i < tensor.rank; i++) tensor.count *= tensor.shape[i];
  return status;
}

// The inputs of one call in their order, and a place for each output.
class Call {
 public:
  explicit Call(OrtKernelContext* context) : context_(context) {}

  template <size_t Count>
  OrtStatus* inputs(Tensor (&tensors)[Count]) const {
    for (size_t i = 0; i < Count; i++) {
      const OrtValue* value;
      RETURN_IF_FAILED(ort::KernelContext_GetInput.in(api)(context_, i, &value));
      RETURN_IF_FAILED(read(value, tensors[i]));
    }
    return nullptr;
  }

  template <class T>
  OrtStatus* output(size_t index, const Tensor& shaped_like, T*& data) const {
    OrtValue* value;
    RETURN_IF_FAILED(ort::KernelContext_GetOutput.in(api)(context_, index, shaped_like.shape, shaped_like.rank, &value));
    return ort::GetTensorMutableData.in(api)(value, reinterpret_cast<void**>(&data));
  }

  // Calls part(0) to part(parts - 1) on the session's threads.
  template <class Part>
  OrtStatus* split(size_t parts, const Part& part) const {
    if (parts == 1) {
      part(0);
      return nullptr;
    }
    auto call = [](void* given, size_t at) { (*static_cast<const Part*>(given))(at); };
    return ort::KernelContext_ParallelFor.in(api)(context_, call, parts, 0, const_cast<Part*>(&part));
  }

 private:
  OrtKernelContext* context_;
};

constexpr size_t kMostParts = 8;  // more than threads, so that a late one has less to do
constexpr size_t kLeast = 4096;   // numbers that are worth a part

size_t parts_of(size_t count, size_t numbers) {
  const size_t worth = numbers / kLeast < kMostParts ? numbers / kLeast : kMostParts;
  return worth < 1 ? 1 : worth < count ? worth : count;
}

// What OrtCustomOp is made of: a name, the types of inputs and outputs, and these two.
typedef OrtStatus* (*Make)(const OrtKernelInfo*, void** kernel);
typedef OrtStatus* (*Compute)(const void* kernel, const Call&);

OrtStatus* make_nothing(const OrtKernelInfo*, void** kernel) {
  *kernel = nullptr;
  return nullptr;
}

OrtStatus* gelu_quantize(const void*, const Call& call) {
  enum { kX, kScale, kZero, kInputs };
  Tensor in[kInputs];
  RETURN_IF_FAILED(call.inputs(in));
  if (in[kX].width() % 16) return failure("GeluQuantize", "the last dimension must be a multiple of 16");
  uint8_t* y;
  RETURN_IF_FAILED(call.output(0, in[kX], y));
  const float* x = in[kX].as<float>();
  const float per_step = 1.0f / in[kScale].first<float>(), zero = in[kZero].first<uint8_t>();
  const size_t blocks = in[kX].count / 16, parts = parts_of(blocks, in[kX].count);
  return call.split(parts, [=](size_t at) {
    const size_t first = blocks * at / parts * 16, last = blocks * (at + 1) / parts * 16;
    kernels->gelu(x + first, y + first, last - first, per_step, zero);
  });
}

OrtStatus* make_norm(const OrtKernelInfo* info, void** kernel) {
  *kernel = malloc(sizeof(float));
  if (!*kernel) return failure("AddNormQuantize", "no memory");
  return ort::KernelInfoGetAttribute_float.in(api)(info, "epsilon", static_cast<float*>(*kernel));
}

OrtStatus* add_norm_quantize(const void* kernel, const Call& call) {
  enum { kA, kB, kFactor, kBias, kScale, kZero, kInputs };
  Tensor in[kInputs];
  RETURN_IF_FAILED(call.inputs(in));
  const size_t width = in[kA].width();
  if (width % 16) return failure("AddNormQuantize", "the last dimension must be a multiple of 16");
  if (in[kA].count != in[kB].count || in[kFactor].count != width || in[kBias].count != width) {
    return failure("AddNormQuantize", "both summands must have one shape, weight and bias that of a row");
  }
  float* y;
  uint8_t* quantised;
  RETURN_IF_FAILED(call.output(0, in[kA], y));
  RETURN_IF_FAILED(call.output(1, in[kA], quantised));
  const float *a = in[kA].as<float>(), *b = in[kB].as<float>(), *factor = in[kFactor].as<float>(),
              *bias = in[kBias].as<float>();
  const float epsilon = *static_cast<const float*>(kernel);
  const float per_step = 1.0f / in[kScale].first<float>(), zero = in[kZero].first<uint8_t>();
  const size_t rows = width ? in[kA].count / width : 0, parts = parts_of(rows, in[kA].count);
  return call.split(parts, [=](size_t at) {
    for (size_t row = rows * at / parts; row < rows * (at + 1) / parts; row++) {
      const size_t from = row * width;
      kernels->norm(a + from, b + from, factor, bias, y + from, quantised + from, width, epsilon, per_step, zero);
    }
  });
}

OrtStatus* attention_quantize(const void*, const Call& call) {
  enum { kQueries, kKeys, kValues, kScale, kZero, kSplit, kInputs };
  Tensor in[kInputs];
  RETURN_IF_FAILED(call.inputs(in));
  if (in[kSplit].count != 4) return failure("AttentionQuantize", "split must be (0, 0, heads, -1)");
  const size_t heads = in[kSplit].as<int64_t>()[2];
  if (in[kQueries].rank != 3 || in[kKeys].rank != 3) return failure("AttentionQuantize", "shapes must be (tokens, texts, width)");
  const size_t asking = in[kQueries].shape[0], texts = in[kQueries].shape[1], width = in[kQueries].shape[2];
  const size_t tokens = in[kKeys].shape[0], size = heads ? width / heads : 0;
  if (size * heads != width || size % 16 || size > 512) {
    return failure("AttentionQuantize", "a head must have a multiple of 16 numbers, 512 at most");
  }
  if (in[kKeys].count != tokens * texts * width || in[kValues].count != in[kKeys].count || !tokens) {
    return failure("AttentionQuantize", "keys and values must have one shape, and a token at least");
  }
  uint8_t* result;
  RETURN_IF_FAILED(call.output(0, in[kQueries], result));
  const Attention all = {in[kQueries].as<float>(), in[kKeys].as<float>(), in[kValues].as<float>(), result, asking, tokens,
                         size, texts * width, 1.0f / in[kScale].first<float>(),
                         static_cast<float>(in[kZero].first<uint8_t>())};
  return call.split(texts * heads, [=](size_t at) {
    Attention one = all;
    const size_t from = at * size;  // heads lie one behind the other in a text, and texts in a token
    one.queries += from;
    one.keys += from;
    one.values += from;
    one.result += from;
    kernels->attend(one);
  });
}

// A Weights and what it points to, in one piece of memory.
OrtStatus* make_product(const OrtKernelInfo* info, void** kernel) {
  int constant = 0;
  const OrtValue* value;
  RETURN_IF_FAILED(ort::KernelInfoGetConstantInput_tensor.in(api)(info, 1, &constant, &value));
  if (!constant) return failure("Product", "the weights must be constant");
  Tensor given;
  RETURN_IF_FAILED(read(value, given));
  if (given.rank != 2 || given.shape[0] % 64 || given.shape[1] % 32) {
    return failure("Product", "the weights must have a multiple of 64 rows and of 32 columns");
  }
  const size_t depth = given.shape[0], width = given.shape[1];
  void* memory;
  if (posix_memalign(&memory, 64, sizeof(Weights) + 64 + depth * width + width * sizeof(int32_t))) {
    return failure("Product", "no memory for the weights");
  }
  int8_t* blocks = static_cast<int8_t*>(memory) + (sizeof(Weights) + 63) / 64 * 64;
  int32_t* sums = reinterpret_cast<int32_t*>(blocks + depth * width);
  memset(sums, 0, width * sizeof(int32_t));
  const int8_t* weights = given.as<int8_t>();
  int8_t* to = blocks;
  for (size_t panel = 0; panel < width; panel += 32) {
    for (size_t block = 0; block < depth; block += 64) {
      for (size_t column = panel; column < panel + 32; column += 16) {
        for (size_t row = block; row < block + 64; row += 4, to += 64) {
          for (size_t n = 0; n < 16; n++) {
            for (size_t k = 0; k < 4; k++) sums[column + n] += to[n * 4 + k] = weights[(row + k) * width + column + n];
          }
        }
      }
    }
  }
  *static_cast<Weights*>(memory) = {depth, width, blocks, sums};
  *kernel = memory;
  return nullptr;
}

enum { kGiven, kWeights, kScale, kScales, kZero, kBias, kProductInputs };

OrtStatus* read_product(const void* kernel, const Tensor* in, Product& one) {
  one.weights = static_cast<const Weights*>(kernel);
  if (in[kGiven].width() != one.weights->depth || in[kScales].count != one.weights->width ||
      in[kBias].count != one.weights->width) {
    return failure("Product", "activations, scales and bias must fit the weights");
  }
  one.given = in[kGiven].as<uint8_t>();
  one.rows = in[kGiven].count / one.weights->depth;
  one.scale = in[kScale].first<float>();
  one.scales = in[kScales].as<float>();
  one.zero = in[kZero].first<uint8_t>();
  one.bias = in[kBias].as<float>();
  return nullptr;
}

OrtStatus* multiply(const Product& one, const Call& call) {
  const size_t panels = one.weights->width / 32, parts = parts_of(panels, one.weights->depth * one.weights->width);
  return call.split(parts, [=](size_t at) { kernels->multiply(one, panels * at / parts, panels * (at + 1) / parts); });
}

OrtStatus* product(const void* kernel, const Call& call) {
  Tensor in[kProductInputs];
  RETURN_IF_FAILED(call.inputs(in));
  Product one = {};
  RETURN_IF_FAILED(read_product(kernel, in, one));
  Tensor result = in[kGiven];
  result.shape[result.rank - 1] = one.weights->width;
  RETURN_IF_FAILED(call.output(0, result, one.floats));
  return multiply(one, call);
}

OrtStatus* product_gelu_quantize(const void* kernel, const Call& call) {
  enum { kResultScale = kProductInputs, kResultZero, kInputs };
  Tensor in[kInputs];
  RETURN_IF_FAILED(call.inputs(in));
  Product one = {};
  RETURN_IF_FAILED(read_product(kernel, in, one));
  one.per_step = 1.0f / in[kResultScale].first<float>();
  one.quantised_zero = in[kResultZero].first<uint8_t>();
  Tensor result = in[kGiven];
  result.shape[result.rank - 1] = one.weights->width;
  RETURN_IF_FAILED(call.output(0, result, one.quantised));
  return multiply(one, call);
}

constexpr size_t kMostTensors = 8;

struct Operator : OrtCustomOp {
  const char* name;
  int inputs[kMostTensors], outputs[kMostTensors];  // element types, then 0
  Make make;
  Compute compute;
};

struct Kernel {
  const Operator* op;
  void* state;
};

const Operator* of(const OrtCustomOp* op) { return static_cast<const Operator*>(op); }

size_t count(const int* types) {
  size_t n = 0;
  while (n < kMostTensors && types[n]) n++;
  return n;
}

constexpr OrtCustomOp kInterface = {
    kApiVersion,
    nullptr,
    [](const OrtCustomOp* op) { return of(op)->name; },
    [](const OrtCustomOp*) -> const char* { return nullptr; },  // the CPU's
    [](const OrtCustomOp* op, size_t at) { return of(op)->inputs[at]; },
    [](const OrtCustomOp* op) { return count(of(op)->inputs); },
    [](const OrtCustomOp* op, size_t at) { return of(op)->outputs[at]; },
    [](const OrtCustomOp* op) { return count(of(op)->outputs); },
    nullptr,
    [](void* kernel) {
      free(static_cast<Kernel*>(kernel)->state);
      free(kernel);
    },
    [](const OrtCustomOp*, size_t) { return 0; },  // inputs and outputs are required
    [](const OrtCustomOp*, size_t) { return 0; },
    [](const OrtCustomOp*, size_t) { return 0; },  // and lie in plain memory
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    [](const OrtCustomOp* op, const OrtApi*, const OrtKernelInfo* info, void** made) -> OrtStatus* {
      Kernel* kernel = static_cast<Kernel*>(malloc(sizeof(Kernel)));
      if (!kernel) return failure(of(op)->name, "no memory");
      *kernel = {of(op), nullptr};
      if (OrtStatus* status = of(op)->make(info, &kernel->state)) {
        free(kernel->state);
        free(kernel);
        return status;
      }
      *made = kernel;
      return nullptr;
    },
    [](void* kernel, OrtKernelContext* context) {
      const Kernel* one = static_cast<const Kernel*>(kernel);
      return one->op->compute(one->state, Call(context));
    }};

const Operator kGeluQuantize = {
    kInterface, "GeluQuantize", {kFloat32, kFloat32, kUint8}, {kUint8}, make_nothing, gelu_quantize};
const Operator kAddNormQuantize = {kInterface,
                                   "AddNormQuantize",
                                   {kFloat32, kFloat32, kFloat32, kFloat32, kFloat32, kUint8},
                                   {kFloat32, kUint8},
                                   make_norm,
                                   add_norm_quantize};
const Operator kAttentionQuantize = {kInterface,
                                     "AttentionQuantize",
                                     {kFloat32, kFloat32, kFloat32, kFloat32, kUint8, kInt64},
                                     {kUint8},
                                     make_nothing,
                                     attention_quantize};
const Operator kProduct = {
    kInterface, "Product", {kUint8, kInt8, kFloat32, kFloat32, kUint8, kFloat32}, {kFloat32}, make_product, product};
const Operator kProductGeluQuantize = {kInterface,
                                       "ProductGeluQuantize",
                                       {kUint8, kInt8, kFloat32, kFloat32, kUint8, kFloat32, kFloat32, kUint8},
                                       {kUint8},
                                       make_product,
                                       product_gelu_quantize};

struct Processor {
  bool avx2, vnni, amx;
};

// Intel's manual, volume 2A, CPUID leaves 1 and 7, and XCR0 for what the kernel keeps when it switches threads.
Processor processor() {
  constexpr int kPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM, see Linux' Documentation/arch/x86/xstate.rst
  constexpr int kTileData = 18;
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return {};
  const bool fma = c >> 12 & 1, kept_is_known = c >> 27 & 1;
  if (!kept_is_known || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return {};
  unsigned kept, upper;
  __asm__("xgetbv" : "=a"(kept), "=d"(upper) : "c"(0));
  const bool avx2 = fma && b >> 5 & 1 && (kept & 0x06) == 0x06;
  const bool avx512 = b >> 16 & 1 && b >> 17 & 1 && b >> 30 & 1 && b >> 31 & 1 && (kept & 0xe6) == 0xe6;
  const bool vnni = avx2 && avx512 && c >> 11 & 1;
  const bool tiles = d >> 22 & 1 && d >> 24 & 1 && d >> 25 & 1 && (kept & 0x60000) == 0x60000;
  return {avx2, vnni, vnni && tiles && !syscall(SYS_arch_prctl, kPermission, kTileData)};
}

// INFOLENS_KERNELS names the best that may be used, "none" included: for measuring, and should one ever be wrong.
void choose() {
  const char* most = getenv("INFOLENS_KERNELS");
  const bool up_to_vnni = most && !strcmp(most, "vnni"), up_to_avx2 = most && !strcmp(most, "avx2");
  if (most && !strcmp(most, "none")) return;
  const Processor has = processor();
  if (has.amx && !up_to_vnni && !up_to_avx2) {
    kernels = &kAmx;
    kernels_name = "amx";
  } else if (has.vnni && !up_to_avx2) {
    kernels = &kVnni;
    kernels_name = "vnni";
  } else if (has.avx2) {
    kernels = &kAvx2;
    kernels_name = "avx2";
  }
}

struct Memory {
  size_t bytes;
  void* at;
};

pthread_key_t memory_key;

void give_back(void* given) {
  free(static_cast<Memory*>(given)->at);
  free(given);
}

void once() {
  pthread_key_create(&memory_key, give_back);
  choose();
}

void prepare() {
  static pthread_once_t done = PTHREAD_ONCE_INIT;
  pthread_once(&done, once);
}

}  // namespace

// Ends the process where there is no memory: kernels run on threads that cannot tell anybody.
void* scratch(size_t bytes) {
  Memory* memory = static_cast<Memory*>(pthread_getspecific(memory_key));
  if (!memory) {
    memory = static_cast<Memory*>(calloc(1, sizeof(Memory)));
    if (!memory || pthread_setspecific(memory_key, memory)) abort();
  }
  if (memory->bytes < bytes) {
    free(memory->at);
    memory->bytes = bytes;
    if (posix_memalign(&memory->at, 64, bytes)) abort();
  }
  return memory->at;
}

#define EXPORTED extern "C" __attribute__((visibility("default")))

// The kernels that this process uses: "amx", "vnni", "avx2" or "none".
EXPORTED const char* infolens_kernels() {
  prepare();
  return kernels_name;
}

// What onnxruntime calls, by this name, in each library that a session is given.
EXPORTED OrtStatus* RegisterCustomOps(OrtSessionOptions* options, const OrtApiBase* base) {
  api = base->GetApi(kApiVersion);
  if (!api) return nullptr;  // an onnxruntime before 1.16: it runs the functions
  prepare();
  OrtCustomOpDomain* domain;
  RETURN_IF_FAILED(ort::CreateCustomOpDomain.in(api)("infolens", &domain));
  if (kernels) {
    RETURN_IF_FAILED(ort::CustomOpDomain_Add.in(api)(domain, &kGeluQuantize));
    RETURN_IF_FAILED(ort::CustomOpDomain_Add.in(api)(domain, &kAddNormQuantize));
    if (kernels->attend) RETURN_IF_FAILED(ort::CustomOpDomain_Add.in(api)(domain, &kAttentionQuantize));
    if (kernels->multiply) {
      RETURN_IF_FAILED(ort::CustomOpDomain_Add.in(api)(domain, &kProduct));
      RETURN_IF_FAILED(ort::CustomOpDomain_Add.in(api)(domain, &kProductGeluQuantize));
    }
  }
  return ort::AddCustomOpDomain.in(api)(options, domain);
}
