/* A plugin of QEMU 7.2 (user mode, aarch64) that counts instructions by class, and the lines that
   caches of given sizes would miss.

       qemu-aarch64 -plugin plugin.so,out=FILE,l1=KIB:WAYS,l2=KIB:WAYS,l3=KIB:WAYS ...

   The program marks moments with two instructions that do nothing else. At each the totals so far
   are written to FILE: the number of the mark, the instructions of every class (classify.h), bytes
   loaded and stored, and misses of every cache. A size of 0 means that there is no such cache: it
   misses whatever reaches it. Lines have 64 bytes; the oldest one of a set is replaced. For
   programs with one thread. QEMU's header is not in Debian's packages, so its functions are
   declared here. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classify.h"

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint32_t memory_info;
typedef void (*executed)(unsigned vcpu, void* data);
typedef void (*accessed)(unsigned vcpu, memory_info info, uint64_t address, void* data);
extern void qemu_plugin_register_vcpu_tb_trans_cb(
    plugin_id, void (*)(plugin_id, struct qemu_plugin_tb*));
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb*);
extern struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb*, size_t);
extern void* qemu_plugin_insn_haddr(const struct qemu_plugin_insn*);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb*, executed, int, void*);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn*, executed, int, void*);
extern void qemu_plugin_register_vcpu_mem_cb(
    struct qemu_plugin_insn*, accessed, int flags, int which, void*);
extern unsigned qemu_plugin_mem_size_shift(memory_info);
extern int qemu_plugin_mem_is_store(memory_info);

EXPORT int qemu_plugin_version = 1;

enum { NO_REGISTERS = 0, READS_AND_WRITES = 3, LEVELS = 3, LINE_SHIFT = 6 };
enum { RUN_MARK = 0xd503201f | 0x50 << 5, CLOCK_MARK = 0xd503201f | 0x51 << 5 }; /* hints */

struct cache {
  uint64_t sets, ways;
  uint64_t* lines; /* of every set, the newest first; 0 is empty */
};

static FILE* out;
static uint64_t executed_count[CLASSES], loaded, stored, misses[LEVELS];
static struct cache caches[LEVELS];

static int hits(struct cache* cache, uint64_t line) {
  if (cache->sets == 0) return 0;
  uint64_t* set = cache->lines + line % cache->sets * cache->ways;
  if (set[0] == line) return 1;
  uint64_t way = 1;
  while (way < cache->ways - 1 && set[way] != line) way++;
  const int found = set[way] == line;
  memmove(set + 1, set, way * sizeof *set);
  set[0] = line;
  return found;
}

static void on_block(unsigned vcpu, void* data) {
  const uint16_t* counts = data;
  for (int i = 0; i < CLASSES; i++) executed_count[i] += counts[i];
}

static void on_access(unsigned vcpu, memory_info info, uint64_t address, void* data) {
  const uint64_t size = 1ull << qemu_plugin_mem_size_shift(info);
  *(qemu_plugin_mem_is_store(info) ? &stored : &loaded) += size;
  const uint64_t last = (address + size - 1) >> LINE_SHIFT;
  for (uint64_t line = address >> LINE_SHIFT; line <= last; line++) {
    for (int level = 0; level < LEVELS && !hits(&caches[level], line + 1); level++) {
      misses[level]++;
    }
  }
}

static void on_mark(unsigned vcpu, void* name) {
  fprintf(out, "%s", (const char*)name);
  for (int i = 0; i < CLASSES; i++) fprintf(out, " %llu", (unsigned long long)executed_count[i]);
  fprintf(out, " %llu %llu", (unsigned long long)loaded, (unsigned long long)stored);
  for (int i = 0; i < LEVELS; i++) fprintf(out, " %llu", (unsigned long long)misses[i]);
  fputc('\n', out);
  fflush(out);
}

static void on_translation(plugin_id id, struct qemu_plugin_tb* block) {
  uint16_t* counts = calloc(CLASSES, sizeof *counts); /* kept as long as the program runs */
  const size_t length = qemu_plugin_tb_n_insns(block);
  for (size_t i = 0; i < length; i++) {
    struct qemu_plugin_insn* instruction = qemu_plugin_tb_get_insn(block, i);
    uint32_t code;
    memcpy(&code, qemu_plugin_insn_haddr(instruction), sizeof code);
    const int class = classify(code);
    counts[class]++;
    if (class == LOAD || class == STORE) {
      qemu_plugin_register_vcpu_mem_cb(instruction, on_access, NO_REGISTERS, READS_AND_WRITES, 0);
    }
    if (code == RUN_MARK || code == CLOCK_MARK) {
      char* name = code == RUN_MARK ? "run" : "clock";
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_mark, NO_REGISTERS, name);
    }
  }
  qemu_plugin_register_vcpu_tb_exec_cb(block, on_block, NO_REGISTERS, counts);
}

EXPORT int qemu_plugin_install(plugin_id id, const void* info, int argc, char** argv) {
  for (int i = 0; i < argc; i++) {
    unsigned level, kib, ways;
    if (strncmp(argv[i], "out=", 4) == 0) {
      out = fopen(argv[i] + 4, "w");
    } else if (sscanf(argv[i], "l%u=%u:%u", &level, &kib, &ways) == 3 && level - 1 < LEVELS) {
      struct cache* cache = &caches[level - 1];
      cache->ways = ways;
      cache->sets = ways ? (uint64_t)kib * 1024 / (1 << LINE_SHIFT) / ways : 0;
      cache->lines = calloc(cache->sets * ways + 1, sizeof *cache->lines);
    } else {
      fprintf(stderr, "plugin.c: unknown argument %s\n", argv[i]);
      return 1;
    }
  }
  if (out == NULL) return fprintf(stderr, "plugin.c: out=FILE is missing or not writable\n"), 1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  return 0;
}
