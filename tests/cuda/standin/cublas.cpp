// A stand-in for libcublas and libcublasLt: the C functions that minigrad calls, with the checks of their manual and a
// few that a GPU does not make. The numbers are computed by Python (cublas.py), from what arrived here.
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <set>

enum { OK = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };

struct Job {  // by columns: C (m, n) = alpha op(A) op(B) + beta C
  int32_t algorithm, compute, device_scalars, transpose_a, transpose_b;
  int64_t m, n, k, lda, ldb, ldc;
  const void *a, *b;
  void* c;
  const void *alpha_at, *beta_at;
  float alpha, beta;  // as they are at the call, if they are on the host
  void* workspace;    // which may be written to
  int64_t workspace_bytes;
};

static struct {
  int (*capturing)(void* stream);
  int64_t (*extent)(const void* address);  // bytes to the end of the live array that holds it, 0: none does
  void (*submit)(void* stream, const Job*);
} python;

static char complaint[512];

static int refuse(int status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(complaint, sizeof complaint, format, arguments);
  va_end(arguments);
  return status;
}

static bool holds(const void* address, int64_t bytes) { return bytes <= 0 || python.extent(address) >= bytes; }
static int64_t matrix_bytes(int64_t rows, int64_t columns, int64_t ld) {
  return rows && columns ? 4 * ((columns - 1) * ld + rows) : 0;
}

// What both libraries check before they launch.
static int launch(void* stream, Job job) {
  complaint[0] = 0;
  if (job.m < 0 || job.n < 0 || job.k < 0) return refuse(INVALID_VALUE, "a negative size");
  int64_t rows_a = job.transpose_a ? job.k : job.m, columns_a = job.transpose_a ? job.m : job.k;
  int64_t rows_b = job.transpose_b ? job.n : job.k, columns_b = job.transpose_b ? job.k : job.n;
  if (job.lda < (rows_a > 1 ? rows_a : 1)) return refuse(INVALID_VALUE, "lda is too small");
  if (job.ldb < (rows_b > 1 ? rows_b : 1)) return refuse(INVALID_VALUE, "ldb is too small");
  if (job.ldc < (job.m > 1 ? job.m : 1)) return refuse(INVALID_VALUE, "ldc is too small");
  if (job.compute != 68 && job.compute != 77) return refuse(NOT_SUPPORTED, "compute type %d", job.compute);
  if (!job.alpha_at || !job.beta_at) return refuse(INVALID_VALUE, "alpha or beta is null");
  for (const void* scalar : {job.alpha_at, job.beta_at}) {
    bool on_device = python.extent(scalar) >= 4;
    if (job.device_scalars && !on_device) return refuse(EXECUTION_FAILED, "a scalar is not in device memory");
    if (!job.device_scalars && on_device) return refuse(EXECUTION_FAILED, "the host reads a scalar of device memory");
  }
  if (!holds(job.a, matrix_bytes(rows_a, columns_a, job.lda))) return refuse(EXECUTION_FAILED, "A is not in an array");
  if (!holds(job.b, matrix_bytes(rows_b, columns_b, job.ldb))) return refuse(EXECUTION_FAILED, "B is not in an array");
  if (!holds(job.c, matrix_bytes(job.m, job.n, job.ldc))) return refuse(EXECUTION_FAILED, "C is not in an array");
  if (!job.device_scalars) {
    job.alpha = *static_cast<const float*>(job.alpha_at);
    job.beta = *static_cast<const float*>(job.beta_at);
    job.alpha_at = job.beta_at = nullptr;
  }
  python.submit(stream, &job);
  return OK;
}

struct Handle {
  void *stream = nullptr, *workspace = nullptr;
  size_t bytes = 0;
  int mode = 0;
};
static std::set<Handle*> handles;

extern "C" {

void stand_in_install(int (*capturing)(void*), int64_t (*extent)(const void*), void (*submit)(void*, const Job*)) {
  python = {capturing, extent, submit};
}
const char* stand_in_complaint() { return complaint; }
int stand_in_handles() { return static_cast<int>(handles.size()); }

int cublasCreate_v2(Handle** handle) {
  handles.insert(*handle = new Handle);
  return OK;
}
int cublasDestroy_v2(Handle* handle) {
  if (!handles.erase(handle)) return refuse(NOT_INITIALIZED, "there is no such handle");
  delete handle;
  return OK;
}
int cublasSetStream_v2(Handle* handle, void* stream) {
  if (!handles.count(handle)) return refuse(NOT_INITIALIZED, "there is no such handle");
  *handle = {stream, nullptr, 0, handle->mode};  // the workspace goes back to cuBLAS's own
  return OK;
}
int cublasSetWorkspace_v2(Handle* handle, void* workspace, size_t bytes) {
  if (!handles.count(handle)) return refuse(NOT_INITIALIZED, "there is no such handle");
  if (reinterpret_cast<uintptr_t>(workspace) % 256) return refuse(INVALID_VALUE, "the workspace is not aligned");
  if (!holds(workspace, static_cast<int64_t>(bytes))) return refuse(INVALID_VALUE, "the workspace is not in an array");
  handle->workspace = workspace;
  handle->bytes = bytes;
  return OK;
}
int cublasSetPointerMode_v2(Handle* handle, int mode) {
  if (!handles.count(handle)) return refuse(NOT_INITIALIZED, "there is no such handle");
  if (mode != 0 && mode != 1) return refuse(INVALID_VALUE, "pointer mode %d", mode);
  handle->mode = mode;
  return OK;
}
int cublasGemmEx(Handle* handle, int ta, int tb, int m, int n, int k, const void* alpha, const void* a, int type_a,
                 int lda, const void* b, int type_b, int ldb, const void* beta, void* c, int type_c, int ldc,
                 int compute, int algorithm) {
  if (!handles.count(handle)) return refuse(NOT_INITIALIZED, "there is no such handle");
  if (ta < 0 || ta > 1 || tb < 0 || tb > 1) return refuse(INVALID_VALUE, "transposes %d, %d", ta, tb);
  if (type_a || type_b || type_c) return refuse(NOT_SUPPORTED, "types %d, %d, %d", type_a, type_b, type_c);
  if (algorithm != -1) return refuse(NOT_SUPPORTED, "algorithm %d", algorithm);
  if (python.capturing(handle->stream) && handle->bytes < (32u << 20))
    return refuse(EXECUTION_FAILED, "captured without a workspace of 32 MiB: it would allocate in the graph");
  return launch(handle->stream, {0, compute, handle->mode, ta, tb, m, n, k, lda, ldb, ldc, a, b, c, alpha, beta, 0, 0,
                                 handle->workspace, int64_t(handle->bytes)});
}

// ------------------------------------------------------------------------------------------------- cuBLASLt

struct Description {
  int32_t compute, mode, transpose_a, transpose_b;
};
struct Layout {
  int type;
  uint64_t rows, columns;
  int64_t ld;
};
struct Preference {
  uint64_t workspace;
  uint32_t alignment[4];
};
struct Algorithm {
  uint64_t number, workspace, alignment[4], unused[2];
};
struct Candidate {
  Algorithm algorithm;
  size_t workspace;
  int state;
  float waves;
  int reserved[4];
};

int cublasLtCreate(Handle** handle) { return cublasCreate_v2(handle); }
int cublasLtDestroy(Handle* handle) { return cublasDestroy_v2(handle); }
int cublasLtMatmulDescCreate(Description** out, int compute, int scale) {
  if (scale) return refuse(INVALID_VALUE, "scale type %d", scale);
  *out = new Description{compute, 0, 0, 0};
  return OK;
}
int cublasLtMatmulDescSetAttribute(Description* it, int which, const void* value, size_t bytes) {
  if (which < 2 || which > 4 || bytes != 4) return refuse(INVALID_VALUE, "attribute %d of %zu bytes", which, bytes);
  (&it->mode)[which - 2] = *static_cast<const int32_t*>(value);
  return OK;
}
int cublasLtMatmulDescDestroy(Description* it) { return delete it, OK; }
int cublasLtMatrixLayoutCreate(Layout** out, int type, uint64_t rows, uint64_t columns, int64_t ld) {
  if (!rows || !columns) return refuse(INVALID_VALUE, "a layout of %lu x %lu", (unsigned long)rows, (unsigned long)columns);
  *out = new Layout{type, rows, columns, ld};
  return OK;
}
int cublasLtMatrixLayoutDestroy(Layout* it) { return delete it, OK; }
int cublasLtMatmulPreferenceCreate(Preference** out) {
  *out = new Preference{0, {256, 256, 256, 256}};
  return OK;
}
int cublasLtMatmulPreferenceSetAttribute(Preference* it, int which, const void* value, size_t bytes) {
  if (which == 1 && bytes == 8) it->workspace = *static_cast<const uint64_t*>(value);
  else if (which >= 5 && which <= 8 && bytes == 4) it->alignment[which - 5] = *static_cast<const uint32_t*>(value);
  else return refuse(INVALID_VALUE, "preference %d of %zu bytes", which, bytes);
  return OK;
}
int cublasLtMatmulPreferenceDestroy(Preference* it) { return delete it, OK; }

static int shapes(const Description* d, const Layout* a, const Layout* b, const Layout* c, Job* job) {
  if (a->type || b->type || c->type) return refuse(NOT_SUPPORTED, "not float32");
  uint64_t m = d->transpose_a ? a->columns : a->rows, k = d->transpose_a ? a->rows : a->columns;
  uint64_t n = d->transpose_b ? b->rows : b->columns, k_b = d->transpose_b ? b->columns : b->rows;
  if (k != k_b || m != c->rows || n != c->columns) return refuse(INVALID_VALUE, "the layouts do not fit together");
  *job = {0, d->compute, d->mode, d->transpose_a, d->transpose_b, int64_t(m), int64_t(n), int64_t(k), a->ld, b->ld, c->ld};
  return OK;
}
int cublasLtMatmulAlgoGetHeuristic(Handle* handle, Description* d, Layout* a, Layout* b, Layout* c, Layout* out,
                                   Preference* preference, int wanted, Candidate* found, int* count) {
  if (!handles.count(handle)) return refuse(NOT_INITIALIZED, "there is no such handle");
  if (wanted < 1) return refuse(INVALID_VALUE, "%d candidates", wanted);
  Job job;
  if (int status = shapes(d, a, b, c, &job)) return status;
  if (out != c && (out->rows != c->rows || out->columns != c->columns)) return refuse(INVALID_VALUE, "D is not as C");
  *count = wanted < 4 ? wanted : 4;  // the second cannot run, the fourth only says so when it is launched
  for (int i = 0; i < *count; i++) {
    const uint32_t* x = preference->alignment;
    uint64_t workspace = preference->workspace < (8u << 20) ? preference->workspace : 8u << 20;
    found[i] = {{uint64_t(i + 1), workspace, {x[0], x[1], x[2], x[3]}, {}}, workspace, i == 1 ? NOT_SUPPORTED : OK, 1, {}};
  }
  return OK;
}
int cublasLtMatmul(Handle* handle, Description* d, const void* alpha, const void* a, Layout* la, const void* b,
                   Layout* lb, const void* beta, const void* c, Layout* lc, void* out, Layout* ld,
                   const Algorithm* algorithm, void* workspace, size_t bytes, void* stream) {
  if (!handles.count(handle)) return refuse(NOT_INITIALIZED, "there is no such handle");
  Job job;
  if (int status = shapes(d, la, lb, ld, &job)) return status;
  if (algorithm->number == 2 || algorithm->number == 4) return refuse(NOT_SUPPORTED, "this algorithm cannot run");
  if (algorithm->number < 1 || algorithm->number > 4) return refuse(INVALID_VALUE, "this is no algorithm");
  const void* pointers[4] = {a, b, c, out};
  for (int i = 0; i < 4; i++)
    if (reinterpret_cast<uintptr_t>(pointers[i]) % algorithm->alignment[i])
      return refuse(INVALID_VALUE, "matrix %d is not aligned to %d bytes", i, int(algorithm->alignment[i]));
  if (bytes < algorithm->workspace || !holds(workspace, int64_t(bytes)) || reinterpret_cast<uintptr_t>(workspace) % 256)
    return refuse(INVALID_VALUE, "the workspace is too small, not aligned, or not in an array");
  if (c != out || lc != ld) return refuse(NOT_SUPPORTED, "C is not D");
  job.algorithm = int32_t(algorithm->number);
  job.a = a, job.b = b, job.c = out, job.alpha_at = alpha, job.beta_at = beta;
  job.workspace = workspace, job.workspace_bytes = int64_t(bytes);
  return launch(stream, job);
}
}
