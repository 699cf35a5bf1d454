// The words of CUDA C: qualifiers, barriers and shuffles, atomics, vector types, intrinsics.
// Declarations of shared memory are rewritten before this is read (host.py): each is a place in the block's arena.
#pragma once

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __restrict__
#define __constant__ static
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define threadIdx (host::thread_())
#define blockIdx (host::block_())

// macros, because the C library has declared functions of these names
#define __expf(x) expf(x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)
#define __powf(x, y) powf(x, y)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)

#define __syncthreads() host::wait_at(host::AT_BLOCK, 0, __LINE__)
#define HOST_WIDTH(w, ...) w
#define __syncwarp(...) host::wait_at(host::AT_WARP, HOST_WIDTH(__VA_ARGS__ __VA_OPT__(, ) ~0u), __LINE__)
#define __shfl_sync(mask, v, lane, ...) host::from(mask, v, lane, HOST_WIDTH(__VA_ARGS__ __VA_OPT__(, ) 32), __LINE__)
#define __shfl_up_sync(mask, v, by, ...) host::up(mask, v, by, HOST_WIDTH(__VA_ARGS__ __VA_OPT__(, ) 32), __LINE__)
#define __shfl_down_sync(mask, v, by, ...) host::down(mask, v, by, HOST_WIDTH(__VA_ARGS__ __VA_OPT__(, ) 32), __LINE__)
#define __shfl_xor_sync(mask, v, by, ...) host::across(mask, v, by, HOST_WIDTH(__VA_ARGS__ __VA_OPT__(, ) 32), __LINE__)
#define __ballot_sync(mask, vote) host::ballot(mask, vote, __LINE__)
#define __any_sync(mask, vote) (host::ballot(mask, vote, __LINE__) != 0)
#define __all_sync(mask, vote) (host::ballot(mask, vote, __LINE__) == (mask))

static inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void __threadfence_block() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
template <class T> static T atomicAdd(T *p, T v) { return host::atomically(p, [&](T o) { return (T)(o + v); }); }
template <class T> static T atomicSub(T *p, T v) { return host::atomically(p, [&](T o) { return (T)(o - v); }); }
template <class T> static T atomicMax(T *p, T v) { return host::atomically(p, [&](T o) { return o > v ? o : v; }); }
template <class T> static T atomicMin(T *p, T v) { return host::atomically(p, [&](T o) { return o < v ? o : v; }); }
template <class T> static T atomicExch(T *p, T v) { return host::atomically(p, [&](T) { return v; }); }
template <class T> static T atomicOr(T *p, T v) { return host::atomically(p, [&](T o) { return (T)(o | v); }); }
template <class T> static T atomicAnd(T *p, T v) { return host::atomically(p, [&](T o) { return (T)(o & v); }); }
template <class T> static T atomicCAS(T *p, T c, T v) { return host::atomically(p, [&](T o) { return o == c ? v : o; }); }
static inline unsigned atomicInc(unsigned *p, unsigned v) {
    return host::atomically(p, [&](unsigned o) { return o >= v ? 0 : o + 1; });
}

#define VECTOR(T, name, size)                                                                     \
    struct __align__(2 * size) name##2 { T x, y; };                                               \
    struct name##3 { T x, y, z; };                                                                \
    struct __align__(4 * size > 16 ? 16 : 4 * size) name##4 { T x, y, z, w; };                    \
    static inline name##2 make_##name##2(T x, T y) { return {x, y}; }                             \
    static inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }                     \
    static inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
VECTOR(float, float, 4)
VECTOR(double, double, 8)
VECTOR(int, int, 4)
VECTOR(unsigned char, uchar, 1)
VECTOR(unsigned long long, ulonglong, 8)
struct __align__(8) uint2 { unsigned x, y; };
struct __align__(16) uint4 { unsigned x, y, z, w; };
static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
static inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

template <class T> static inline T min(T a, T b) { return a < b ? a : b; }
template <class T> static inline T max(T a, T b) { return a > b ? a : b; }
template <class T> static inline T __ldg(const T *p) { return *p; }
template <class T> static inline T __ldcs(const T *p) { return *p; }
template <class T> static inline void __stcs(T *p, T v) { *p = v; }
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline double rsqrt(double x) { return 1.0 / sqrt(x); }
static inline float __saturatef(float x) { return x < 0 ? 0 : x > 1 ? 1 : x; }
static inline float __fdividef(float a, float b) { return a / b; }
static inline float __frcp_rn(float x) { return 1.0f / x; }
static inline float __fsqrt_rn(float x) { return sqrtf(x); }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline double __dsub_rn(double a, double b) { return a - b; }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline double __ddiv_rn(double a, double b) { return a / b; }
static inline float __uint2float_rn(unsigned x) { return (float)x; }
static inline float __int2float_rn(int x) { return (float)x; }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
static inline int __ffs(int x) { return __builtin_ffs(x); }
template <class To, class From> static inline To as_bits(From x) {
    To y;
    memcpy(&y, &x, sizeof y);
    return y;
}
static inline int __float_as_int(float x) { return as_bits<int>(x); }
static inline unsigned __float_as_uint(float x) { return as_bits<unsigned>(x); }
static inline float __int_as_float(int x) { return as_bits<float>(x); }
static inline float __uint_as_float(unsigned x) { return as_bits<float>(x); }
static inline long long __double_as_longlong(double x) { return as_bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return as_bits<double>(x); }
