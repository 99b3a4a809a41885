/* The class of an AArch64 instruction, from its encoding (Arm Architecture Reference Manual, C4).

   The classes are those that differ in the number of pipelines of a core:
   - multiply: NEON multiplications of floats, and int8 dot and matrix products
   - int multiply: NEON multiplications of integers, which many cores do in one pipeline only
   - arithmetic: all other NEON and floating-point instructions, and SVE without memory access
   - load, store: of any register; a prefetch is a load
   - scalar: all others but branches */
#ifndef CLASSIFY_H
#define CLASSIFY_H

#include <stdint.h>

enum { MULTIPLY, INT_MULTIPLY, ARITHMETIC, LOAD, STORE, SCALAR, BRANCH, CLASSES };

static inline uint32_t bits(uint32_t code, int high, int low) {
  return code >> low & ((2u << (high - low)) - 1);
}

static inline int load_or_store(uint32_t code) {
  const int is_vector = bits(code, 26, 26);
  if (bits(code, 29, 27) == 3 && !bits(code, 24, 24)) return LOAD; /* literal */
  if (bits(code, 29, 27) == 7) {                                  /* one register */
    if (!is_vector && !bits(code, 24, 24) && bits(code, 21, 21) && !bits(code, 11, 10)) {
      return LOAD; /* atomic */
    }
    const uint32_t opc = bits(code, 23, 22);
    return (is_vector ? opc & 1 : opc != 0) ? LOAD : STORE;
  }
  return bits(code, 22, 22) ? LOAD : STORE; /* pairs, structures, exclusives */
}

/* Of vector instructions: bit 31 is 0 and bits 28 to 25 are 0111. */
static inline int vector(uint32_t code) {
  if (bits(code, 24, 24)) { /* by element, or with an immediate */
    if (bits(code, 10, 10)) return ARITHMETIC;
    switch (bits(code, 15, 12)) {
      case 1: case 5: case 9: /* FMLA, FMLS, FMUL */
      case 14: case 15:       /* SDOT, UDOT, USDOT, SUDOT, BFDOT */
        return MULTIPLY;
      default: /* MLA, SMLAL, SQDMULH, ... */
        return INT_MULTIPLY;
    }
  }
  if (bits(code, 21, 21) && bits(code, 10, 10)) { /* three registers of one width */
    switch (bits(code, 15, 11)) {
      case 0x19: case 0x1b: return MULTIPLY;                /* FMLA, FMLS, FMUL */
      case 0x12: case 0x13: case 0x16: return INT_MULTIPLY; /* MLA, MUL, SQRDMULH */
      default: return ARITHMETIC;
    }
  }
  if (bits(code, 21, 21) && !bits(code, 11, 10)) { /* three registers, long */
    const uint32_t opcode = bits(code, 15, 12);
    return opcode >= 8 ? INT_MULTIPLY : ARITHMETIC; /* SMLAL, SMULL, ... */
  }
  if (!bits(code, 21, 21) && bits(code, 15, 15) && bits(code, 10, 10)) {
    const uint32_t opcode = bits(code, 14, 11); /* SQRDMLAH; else SDOT, SMMLA, FCMLA, BFDOT */
    return opcode < 2 ? INT_MULTIPLY : MULTIPLY;
  }
  if (bits(code, 22, 21) == 2 && !bits(code, 15, 14) && bits(code, 10, 10)) { /* fp16 */
    const uint32_t opcode = bits(code, 13, 11);
    return opcode == 1 || opcode == 3 ? MULTIPLY : ARITHMETIC;
  }
  return ARITHMETIC;
}

static inline int classify(uint32_t code) {
  const uint32_t group = bits(code, 28, 25);
  if ((group & 5) == 4) return load_or_store(code);
  if ((group & 14) == 10) return BRANCH; /* system instructions, too */
  if (group == 7 && !bits(code, 31, 31)) return vector(code);
  if ((group & 7) == 7) return ARITHMETIC;
  if (group == 2) { /* SVE */
    const uint32_t kind = bits(code, 31, 29);
    return kind == 7 ? STORE : kind >= 4 ? LOAD : ARITHMETIC;
  }
  return SCALAR;
}

#endif
