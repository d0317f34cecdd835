/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.h - an instruction's bits as its parts. Pure.
 */
#ifndef VM_CPU_DECODE_H
#define VM_CPU_DECODE_H

#include "instructions.h"

struct vm_decoded {
	enum vm_instruction name; /* VM_ILLEGAL: there is none with these bits */
	uint8_t length;           /* in bytes */
	uint8_t rd, rs1, rs2, rs3;
	uint8_t rm;
	int32_t immediate; /* for CSR instructions the number of the CSR */
};

/* bits: at least the low 16 of a compressed instruction, else all 32. */
struct vm_decoded vm_decode(uint32_t bits);

static inline unsigned vm_length(uint32_t bits)
{
	return (bits & 3) == 3 ? 4 : 2;
}

/* The instruction that a compressed one stands for; 0, which is illegal, if for none. */
uint32_t vm_expand(uint16_t bits);

#endif
