// CUDA C on the CPU: what a kernel finds around it (threadIdx, barriers, shuffles, atomics, mathematics).
//
// One block at a time, its threads one after another on fibers. A fiber runs thread after thread until one of them
// waits at a barrier; that one keeps its fiber, and another fiber goes on. So a kernel without barriers is a plain
// loop. Blocks and threads run forwards or backwards, as asked. Shared memory is poisoned before each block.
//
// Under ThreadSanitizer every CUDA thread is a fiber that the sanitizer knows, ordered with others by barriers alone:
// a race between two threads, of one block or of two, is seen in any order of execution.
#pragma once
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#define TSAN(...) __VA_ARGS__
#else
#define TSAN(...)
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define ASAN(...) __VA_ARGS__
#else
#define ASAN(...)
#endif
#define QUIET __attribute__((no_sanitize("thread")))  // the fibers' own book-keeping is no memory of the kernel's

struct uint3 { unsigned x, y, z; };
struct dim3 { unsigned x, y, z; dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {} };
static dim3 blockDim, gridDim;
static constexpr int warpSize = 32;

namespace host {

static uint3 thread_index, block_index;
enum State : uint8_t { READY, AT_BLOCK, AT_WARP };
struct Fiber {
    ucontext_t context;
    jmp_buf resume;
    char *stack;
    bool started, idle;
    State state;
    unsigned thread, mask, line;
    TSAN(void *tsan;)
    ASAN(void *asan;)
};
static constexpr size_t STACK = 64 * 1024, SHARED = 256 * 1024, GAP = 128;
static std::vector<Fiber *> fibers;  // those of this block; idle ones can take another thread
static ucontext_t scheduler;
static jmp_buf back;
static Fiber *current;
static unsigned next, threads;  // the next thread to start, and how many there are in a block
static bool backwards;
static std::function<void()> *body;
static std::vector<uint64_t> lanes;   // what each thread shows to its warp
static std::vector<uint8_t> arrived;  // which threads have shown something
static char *arena;                   // the block's shared memory: the launch's, then one place per declaration
static size_t dynamic_bytes, used;
static size_t places[256];            // of declarations: where in the arena, plus one
static char message[512];
TSAN(static void *main_fiber; static char barriers[4096][33], the_end; static unsigned block_number;)

static bool fail(const char *format, ...) {
    va_list list;
    va_start(list, format);
    if (!message[0]) vsnprintf(message, sizeof message, format, list);
    va_end(list);
    return false;
}

static char *pages(size_t size) {  // new to the sanitizers too
    return (char *)mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

QUIET __attribute__((noinline)) static uint3 thread_() { return thread_index; }
QUIET __attribute__((noinline)) static uint3 block_() { return block_index; }
QUIET __attribute__((noinline)) static void *dynamic() { return arena; }

QUIET __attribute__((noinline)) static void *shared(int id, size_t size) {
    if (!places[id]) {
        places[id] = used + 1;
        used = (used + size + 2 * GAP - 1) / GAP * GAP;
        if (used > SHARED) fprintf(stderr, "shared memory beyond %zu bytes\n", SHARED), abort();
    }
    char *p = arena + places[id] - 1;
    ASAN(__asan_unpoison_memory_region(p, size);)
    return p;
}

QUIET static void place(unsigned t) {
    thread_index = {t % blockDim.x, t / blockDim.x % blockDim.y, t / (blockDim.x * blockDim.y)};
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
QUIET static void leave(Fiber *f) {  // sanitizers follow swapcontext, and not jumps between stacks
    TSAN(__tsan_switch_to_fiber(main_fiber, __tsan_switch_to_fiber_no_sync);)
    ASAN(__sanitizer_start_switch_fiber(&f->asan, scheduler.uc_stack.ss_sp, scheduler.uc_stack.ss_size);)
    swapcontext(&f->context, &scheduler);
    ASAN(__sanitizer_finish_switch_fiber(f->asan, nullptr, nullptr);)
}
QUIET static void enter(Fiber *f) {
    current = f;
    ASAN(void *own; __sanitizer_start_switch_fiber(&own, f->stack, STACK);)
    TSAN(__tsan_switch_to_fiber(f->tsan, __tsan_switch_to_fiber_no_sync);)
    swapcontext(&scheduler, &f->context);
    ASAN(__sanitizer_finish_switch_fiber(own, nullptr, nullptr);)
}
#else
QUIET static void leave(Fiber *f) {
    if (!_setjmp(f->resume)) _longjmp(back, 1);
}
QUIET static void enter(Fiber *f) {
    current = f;
    if (_setjmp(back)) return;
    if (f->started) _longjmp(f->resume, 1);
    f->started = true;
    swapcontext(&scheduler, &f->context);
}
#endif

QUIET static void work() {  // of a fiber: thread after thread
    Fiber *me = current;
    ASAN(__sanitizer_finish_switch_fiber(nullptr, (const void **)&scheduler.uc_stack.ss_sp,
                                         &scheduler.uc_stack.ss_size);)
    for (;;) {
        while (next < threads) {
            me->thread = backwards ? threads - 1 - next : next;
            next++;
            me->idle = false;
            place(me->thread);
            (*body)();
            TSAN(__tsan_release(&the_end); break;)  // a thread of its own for each, so that their order says nothing
        }
        me->idle = true;
        leave(me);
    }
}

QUIET static void wait_at(State state, unsigned mask, unsigned line) {
    Fiber *me = current;
    me->state = state, me->mask = mask, me->line = line;
    TSAN(char *place_ = &barriers[block_number % 4096][state == AT_BLOCK ? 32 : me->thread / 32];
         __tsan_release(place_);)
    leave(me);
    TSAN(__tsan_acquire(place_);)
    place(me->thread);
}

QUIET static Fiber *fresh() {
    for (Fiber *f : fibers)
        if (f->idle TSAN(&&false)) return f;
    Fiber *f = new Fiber();
    f->stack = pages(STACK);
    TSAN(f->tsan = __tsan_create_fiber(0);)
    getcontext(&f->context);
    f->context.uc_stack.ss_sp = f->stack;
    f->context.uc_stack.ss_size = STACK;
    f->context.uc_link = nullptr;
    makecontext(&f->context, work, 0);
    fibers.push_back(f);
    return f;
}

QUIET static bool release() {  // those who wait for nobody any more; false if nobody can go on
    std::vector<Fiber *> of(threads, nullptr);
    unsigned alive = 0, at_block = 0;
    Fiber *one = nullptr;
    for (Fiber *f : fibers)
        if (!f->idle) {
            of[f->thread] = f, alive++;
            if (f->state == AT_BLOCK) at_block++, one = one ? one : f;
        }
    bool released = false;
    for (unsigned t = 0; t < threads; t++) {
        Fiber *f = of[t];
        if (!f || f->state != AT_WARP) continue;
        bool all = true;
        unsigned first = t / 32 * 32;
        for (unsigned k = first; k < first + 32 && k < threads; k++)
            if (of[k] && f->mask >> (k - first) & 1) all &= of[k]->state == AT_WARP && of[k]->mask == f->mask && of[k]->line == f->line;
        if (!all) continue;
        for (unsigned k = first; k < first + 32 && k < threads; k++)
            if (of[k] && f->mask >> (k - first) & 1) of[k]->state = READY;
        released = true;
    }
    if (!released && at_block && at_block == alive) {
        for (Fiber *f : fibers)
            if (!f->idle) {
                if (f->line != one->line)
                    return fail("threads %u and %u of a block wait at different __syncthreads(), in lines %u and %u",
                                one->thread, f->thread, one->line, f->line);
                f->state = READY;
            }
        released = true;
    }
    return released ? true : fail("deadlock: %u of %u threads wait at a barrier that the others never reach (line %u)",
                                  at_block ? at_block : alive, alive, one ? one->line : 0);
}

QUIET static bool run_threads() {
    next = 0;
    for (;;) {
        bool ran = false;
        for (size_t i = 0; i < fibers.size(); i++) {
            Fiber *f = fibers[backwards ? fibers.size() - 1 - i : i];
            if (!f->idle && f->state == READY) ran = true, enter(f);
        }
        while (next < threads) ran = true, enter(fresh());
        if (ran) continue;
        bool done = true;
        for (Fiber *f : fibers) done &= f->idle;
        if (done) return true;
        if (!release()) return false;
    }
}

QUIET static bool run_block() {
    TSAN(munmap(arena, SHARED); arena = pages(SHARED);)
    ASAN(__asan_unpoison_memory_region(arena, SHARED);)
    memset(arena, 0xFF, used TSAN(+SHARED - used));
    ASAN(__asan_poison_memory_region(arena + dynamic_bytes, SHARED - dynamic_bytes);)
    bool done = run_threads();
    if (!done) fibers.clear();  // their threads never end: their stacks are given up
    TSAN(static std::vector<Fiber *> ended;  // kept a while: the sanitizer gives their numbers, and their past, to new ones
         ended.insert(ended.end(), fibers.begin(), fibers.end()); fibers.clear();
         if (ended.size() > 3000) {
             for (Fiber *f : ended) __tsan_destroy_fiber(f->tsan), munmap(f->stack, STACK), delete f;
             ended.clear();
         })
    return done;
}

static const char *run(dim3 grid, dim3 block, size_t bytes, bool reversed, std::function<void()> kernel) {
    gridDim = grid, blockDim = block, body = &kernel, backwards = reversed;
    threads = block.x * block.y * block.z;
    lanes.assign(threads, 0), arrived.assign(threads, 0);
    if (!arena) arena = pages(SHARED);
    memset(places, 0, sizeof places);
    dynamic_bytes = bytes, used = (bytes + 2 * GAP - 1) / GAP * GAP;
    memset(arena, 0xFF, SHARED);
    message[0] = 0;
    TSAN(main_fiber = __tsan_get_current_fiber();)
    size_t blocks = (size_t)grid.x * grid.y * grid.z;
    for (size_t i = 0; i < blocks; i++) {
        TSAN(block_number = i;)
        size_t b = reversed ? blocks - 1 - i : i;
        block_index = {(unsigned)(b % grid.x), (unsigned)(b / grid.x % grid.y), (unsigned)(b / grid.x / grid.y)};
        if (!run_block()) break;
    }
    TSAN(__tsan_acquire(&the_end);)
    return message[0] ? message : nullptr;
}

// A value goes to the warp through `lanes`: shown, then read, then everybody has read.
template <class T> static T exchange(unsigned mask, T value, int source, unsigned line) {
    static_assert(sizeof(T) <= 8, "shuffles of at most 8 bytes");
    unsigned me = current->thread, first = me / 32 * 32;
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    __atomic_store_n(&lanes[me], bits, __ATOMIC_RELAXED);
    __atomic_store_n(&arrived[me], 1, __ATOMIC_RELAXED);
    wait_at(AT_WARP, mask, line);
    unsigned from = first + source;
    uint64_t got = ~0ull;  // a lane that does not take part shows nothing: poison
    if (from < threads && mask >> source & 1 && __atomic_load_n(&arrived[from], __ATOMIC_RELAXED))
        got = __atomic_load_n(&lanes[from], __ATOMIC_RELAXED);
    wait_at(AT_WARP, mask, line);
    __atomic_store_n(&arrived[me], 0, __ATOMIC_RELAXED);
    memcpy(&value, &got, sizeof value);
    return value;
}
QUIET static int lane() { return current->thread & 31; }
template <class T> static T down(unsigned mask, T v, unsigned by, int width, unsigned line) {
    int l = lane(), to = l + (int)by;
    return exchange(mask, v, to / width == l / width ? to : l, line);
}
template <class T> static T up(unsigned mask, T v, unsigned by, int width, unsigned line) {
    int l = lane(), to = l - (int)by;
    return exchange(mask, v, to >= l / width * width ? to : l, line);
}
template <class T> static T across(unsigned mask, T v, int with, int width, unsigned line) {
    int l = lane(), to = l ^ with;
    return exchange(mask, v, to / width <= l / width ? to : l, line);
}
template <class T> static T from(unsigned mask, T v, int source, int width, unsigned line) {
    return exchange(mask, v, lane() / width * width + (source & (width - 1)), line);
}
static unsigned ballot(unsigned mask, bool vote, unsigned line) {
    unsigned votes = 0;
    for (int k = 0; k < 32; k++)
        if (mask >> k & 1 && exchange(mask, (unsigned)vote, k, line) == 1) votes |= 1u << k;
    return votes;
}
template <class T, class F> static T atomically(T *p, F f) {
    T old, made;
    __atomic_load(p, &old, __ATOMIC_RELAXED);
    do made = f(old); while (!__atomic_compare_exchange(p, &old, &made, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return old;
}

}  // namespace host
#include "cuda_words.hpp"
