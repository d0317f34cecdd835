/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instructions.h - every instruction of RV64IMAFD, Zicsr and Zifencei, in one table. Compressed
 * ones are expanded to these (compressed.c).
 *
 * X(NAME, match, mask, FORMAT, HANDLER): bits & mask == match; how the operands lie (decode.c); who
 * carries it out: the interpreter itself (its own name), or a helper that looks at the name.
 */
#ifndef VM_CPU_INSTRUCTIONS_H
#define VM_CPU_INSTRUCTIONS_H

#include <stdint.h>

#define VM_FUNCT3 0x0000707f
#define VM_FUNCT7 0xfe00707f
#define VM_FLOAT_RM 0xfe00007f  /* the rounding mode is free */
#define VM_FLOAT_RM2 0xfff0007f /* and rs2 says what is meant */
#define VM_FLOAT_F2 0xfff0707f
#define VM_ATOMIC 0xf800707f    /* aq and rl are free */
#define VM_FUSED 0x0600007f

#define VM_LOAD_TABLE(X)                                                                    \
	X(LB, 0x00000003, VM_FUNCT3, I, LB)                                                 \
	X(LH, 0x00001003, VM_FUNCT3, I, LH)                                                 \
	X(LW, 0x00002003, VM_FUNCT3, I, LW)                                                 \
	X(LD, 0x00003003, VM_FUNCT3, I, LD)                                                 \
	X(LBU, 0x00004003, VM_FUNCT3, I, LBU)                                               \
	X(LHU, 0x00005003, VM_FUNCT3, I, LHU)                                               \
	X(LWU, 0x00006003, VM_FUNCT3, I, LWU)

#define VM_LOAD_FLOAT_TABLE(X)                                                              \
	X(FLW, 0x00002007, VM_FUNCT3, IF, FLW)                                              \
	X(FLD, 0x00003007, VM_FUNCT3, IF, FLD)

#define VM_FENCE_TABLE(X)                                                                   \
	X(FENCE, 0x0000000f, VM_FUNCT3, NONE, NOP)                                          \
	X(FENCE_I, 0x0000100f, VM_FUNCT3, NONE, NOP)

#define VM_IMMEDIATE_TABLE(X)                                                               \
	X(ADDI, 0x00000013, VM_FUNCT3, I, ADDI)                                             \
	X(SLTI, 0x00002013, VM_FUNCT3, I, SLTI)                                             \
	X(SLTIU, 0x00003013, VM_FUNCT3, I, SLTIU)                                           \
	X(XORI, 0x00004013, VM_FUNCT3, I, XORI)                                             \
	X(ORI, 0x00006013, VM_FUNCT3, I, ORI)                                               \
	X(ANDI, 0x00007013, VM_FUNCT3, I, ANDI)                                             \
	X(SLLI, 0x00001013, 0xfc00707f, SHIFT, SLLI)                                        \
	X(SRLI, 0x00005013, 0xfc00707f, SHIFT, SRLI)                                        \
	X(SRAI, 0x40005013, 0xfc00707f, SHIFT, SRAI)

#define VM_AUIPC_TABLE(X) X(AUIPC, 0x00000017, 0x0000007f, U, AUIPC)

#define VM_IMMEDIATE32_TABLE(X)                                                             \
	X(ADDIW, 0x0000001b, VM_FUNCT3, I, ADDIW)                                           \
	X(SLLIW, 0x0000101b, VM_FUNCT7, SHIFT, SLLIW)                                       \
	X(SRLIW, 0x0000501b, VM_FUNCT7, SHIFT, SRLIW)                                       \
	X(SRAIW, 0x4000501b, VM_FUNCT7, SHIFT, SRAIW)

#define VM_STORE_TABLE(X)                                                                   \
	X(SB, 0x00000023, VM_FUNCT3, S, SB)                                                 \
	X(SH, 0x00001023, VM_FUNCT3, S, SH)                                                 \
	X(SW, 0x00002023, VM_FUNCT3, S, SW)                                                 \
	X(SD, 0x00003023, VM_FUNCT3, S, SD)

#define VM_STORE_FLOAT_TABLE(X)                                                             \
	X(FSW, 0x00002027, VM_FUNCT3, S, FSW)                                               \
	X(FSD, 0x00003027, VM_FUNCT3, S, FSD)

#define VM_ATOMIC_TABLE(X)                                                                  \
	X(LR_W, 0x1000202f, 0xf9f0707f, A, ATOMIC)                                          \
	X(SC_W, 0x1800202f, VM_ATOMIC, A, ATOMIC)                                           \
	X(AMOSWAP_W, 0x0800202f, VM_ATOMIC, A, ATOMIC)                                      \
	X(AMOADD_W, 0x0000202f, VM_ATOMIC, A, ATOMIC)                                       \
	X(AMOXOR_W, 0x2000202f, VM_ATOMIC, A, ATOMIC)                                       \
	X(AMOAND_W, 0x6000202f, VM_ATOMIC, A, ATOMIC)                                       \
	X(AMOOR_W, 0x4000202f, VM_ATOMIC, A, ATOMIC)                                        \
	X(AMOMIN_W, 0x8000202f, VM_ATOMIC, A, ATOMIC)                                       \
	X(AMOMAX_W, 0xa000202f, VM_ATOMIC, A, ATOMIC)                                       \
	X(AMOMINU_W, 0xc000202f, VM_ATOMIC, A, ATOMIC)                                      \
	X(AMOMAXU_W, 0xe000202f, VM_ATOMIC, A, ATOMIC)                                      \
	X(LR_D, 0x1000302f, 0xf9f0707f, A, ATOMIC)                                          \
	X(SC_D, 0x1800302f, VM_ATOMIC, A, ATOMIC)                                           \
	X(AMOSWAP_D, 0x0800302f, VM_ATOMIC, A, ATOMIC)                                      \
	X(AMOADD_D, 0x0000302f, VM_ATOMIC, A, ATOMIC)                                       \
	X(AMOXOR_D, 0x2000302f, VM_ATOMIC, A, ATOMIC)                                       \
	X(AMOAND_D, 0x6000302f, VM_ATOMIC, A, ATOMIC)                                       \
	X(AMOOR_D, 0x4000302f, VM_ATOMIC, A, ATOMIC)                                        \
	X(AMOMIN_D, 0x8000302f, VM_ATOMIC, A, ATOMIC)                                       \
	X(AMOMAX_D, 0xa000302f, VM_ATOMIC, A, ATOMIC)                                       \
	X(AMOMINU_D, 0xc000302f, VM_ATOMIC, A, ATOMIC)                                      \
	X(AMOMAXU_D, 0xe000302f, VM_ATOMIC, A, ATOMIC)

#define VM_REGISTER_TABLE(X)                                                                \
	X(ADD, 0x00000033, VM_FUNCT7, R, ADD)                                               \
	X(SUB, 0x40000033, VM_FUNCT7, R, SUB)                                               \
	X(SLL, 0x00001033, VM_FUNCT7, R, SLL)                                               \
	X(SLT, 0x00002033, VM_FUNCT7, R, SLT)                                               \
	X(SLTU, 0x00003033, VM_FUNCT7, R, SLTU)                                             \
	X(XOR, 0x00004033, VM_FUNCT7, R, XOR)                                               \
	X(SRL, 0x00005033, VM_FUNCT7, R, SRL)                                               \
	X(SRA, 0x40005033, VM_FUNCT7, R, SRA)                                               \
	X(OR, 0x00006033, VM_FUNCT7, R, OR)                                                 \
	X(AND, 0x00007033, VM_FUNCT7, R, AND)                                               \
	X(MUL, 0x02000033, VM_FUNCT7, R, MUL)                                               \
	X(MULH, 0x02001033, VM_FUNCT7, R, MULH)                                             \
	X(MULHSU, 0x02002033, VM_FUNCT7, R, MULHSU)                                         \
	X(MULHU, 0x02003033, VM_FUNCT7, R, MULHU)                                           \
	X(DIV, 0x02004033, VM_FUNCT7, R, DIV)                                               \
	X(DIVU, 0x02005033, VM_FUNCT7, R, DIVU)                                             \
	X(REM, 0x02006033, VM_FUNCT7, R, REM)                                               \
	X(REMU, 0x02007033, VM_FUNCT7, R, REMU)

#define VM_LUI_TABLE(X) X(LUI, 0x00000037, 0x0000007f, U, LI)

#define VM_REGISTER32_TABLE(X)                                                              \
	X(ADDW, 0x0000003b, VM_FUNCT7, R, ADDW)                                             \
	X(SUBW, 0x4000003b, VM_FUNCT7, R, SUBW)                                             \
	X(SLLW, 0x0000103b, VM_FUNCT7, R, SLLW)                                             \
	X(SRLW, 0x0000503b, VM_FUNCT7, R, SRLW)                                             \
	X(SRAW, 0x4000503b, VM_FUNCT7, R, SRAW)                                             \
	X(MULW, 0x0200003b, VM_FUNCT7, R, MULW)                                             \
	X(DIVW, 0x0200403b, VM_FUNCT7, R, DIVW)                                             \
	X(DIVUW, 0x0200503b, VM_FUNCT7, R, DIVUW)                                           \
	X(REMW, 0x0200603b, VM_FUNCT7, R, REMW)                                             \
	X(REMUW, 0x0200703b, VM_FUNCT7, R, REMUW)

#define VM_FUSED_TABLE(X)                                                                   \
	X(FMADD_S, 0x00000043, VM_FUSED, FUSED, FLOAT)                                      \
	X(FMADD_D, 0x02000043, VM_FUSED, FUSED, FMADD_D)                                    \
	X(FMSUB_S, 0x00000047, VM_FUSED, FUSED, FLOAT)                                      \
	X(FMSUB_D, 0x02000047, VM_FUSED, FUSED, FMSUB_D)                                    \
	X(FNMSUB_S, 0x0000004b, VM_FUSED, FUSED, FLOAT)                                     \
	X(FNMSUB_D, 0x0200004b, VM_FUSED, FUSED, FNMSUB_D)                                  \
	X(FNMADD_S, 0x0000004f, VM_FUSED, FUSED, FLOAT)                                     \
	X(FNMADD_D, 0x0200004f, VM_FUSED, FUSED, FNMADD_D)

#define VM_FLOAT_TABLE(X)                                                                   \
	X(FADD_S, 0x00000053, VM_FLOAT_RM, FLOAT, FADD_S)                                   \
	X(FADD_D, 0x02000053, VM_FLOAT_RM, FLOAT, FADD_D)                                   \
	X(FSUB_S, 0x08000053, VM_FLOAT_RM, FLOAT, FSUB_S)                                   \
	X(FSUB_D, 0x0a000053, VM_FLOAT_RM, FLOAT, FSUB_D)                                   \
	X(FMUL_S, 0x10000053, VM_FLOAT_RM, FLOAT, FMUL_S)                                   \
	X(FMUL_D, 0x12000053, VM_FLOAT_RM, FLOAT, FMUL_D)                                   \
	X(FDIV_S, 0x18000053, VM_FLOAT_RM, FLOAT, FDIV_S)                                   \
	X(FDIV_D, 0x1a000053, VM_FLOAT_RM, FLOAT, FDIV_D)                                   \
	X(FSQRT_S, 0x58000053, VM_FLOAT_RM2, FLOAT, FLOAT)                                  \
	X(FSQRT_D, 0x5a000053, VM_FLOAT_RM2, FLOAT, FSQRT_D)                                \
	X(FSGNJ_S, 0x20000053, VM_FUNCT7, FLOAT0, FLOAT)                                    \
	X(FSGNJ_D, 0x22000053, VM_FUNCT7, FLOAT0, FSGNJ_D)                                  \
	X(FSGNJN_S, 0x20001053, VM_FUNCT7, FLOAT0, FLOAT)                                   \
	X(FSGNJN_D, 0x22001053, VM_FUNCT7, FLOAT0, FSGNJN_D)                                \
	X(FSGNJX_S, 0x20002053, VM_FUNCT7, FLOAT0, FLOAT)                                   \
	X(FSGNJX_D, 0x22002053, VM_FUNCT7, FLOAT0, FSGNJX_D)                                \
	X(FMIN_S, 0x28000053, VM_FUNCT7, FLOAT0, FLOAT)                                     \
	X(FMIN_D, 0x2a000053, VM_FUNCT7, FLOAT0, FLOAT)                                     \
	X(FMAX_S, 0x28001053, VM_FUNCT7, FLOAT0, FLOAT)                                     \
	X(FMAX_D, 0x2a001053, VM_FUNCT7, FLOAT0, FLOAT)                                     \
	X(FCVT_S_D, 0x40100053, VM_FLOAT_RM2, FLOAT, FLOAT)                                 \
	X(FCVT_D_S, 0x42000053, VM_FLOAT_RM2, FLOAT, FLOAT)                                 \
	X(FLE_S, 0xa0000053, VM_FUNCT7, FLOATX, FLOAT)                                      \
	X(FLE_D, 0xa2000053, VM_FUNCT7, FLOATX, FLE_D)                                      \
	X(FLT_S, 0xa0001053, VM_FUNCT7, FLOATX, FLOAT)                                      \
	X(FLT_D, 0xa2001053, VM_FUNCT7, FLOATX, FLT_D)                                      \
	X(FEQ_S, 0xa0002053, VM_FUNCT7, FLOATX, FLOAT)                                      \
	X(FEQ_D, 0xa2002053, VM_FUNCT7, FLOATX, FEQ_D)                                      \
	X(FCVT_W_S, 0xc0000053, VM_FLOAT_RM2, FLOATXR, FLOAT)                               \
	X(FCVT_WU_S, 0xc0100053, VM_FLOAT_RM2, FLOATXR, FLOAT)                              \
	X(FCVT_L_S, 0xc0200053, VM_FLOAT_RM2, FLOATXR, FLOAT)                               \
	X(FCVT_LU_S, 0xc0300053, VM_FLOAT_RM2, FLOATXR, FLOAT)                              \
	X(FCVT_W_D, 0xc2000053, VM_FLOAT_RM2, FLOATXR, FLOAT)                               \
	X(FCVT_WU_D, 0xc2100053, VM_FLOAT_RM2, FLOATXR, FLOAT)                              \
	X(FCVT_L_D, 0xc2200053, VM_FLOAT_RM2, FLOATXR, FLOAT)                               \
	X(FCVT_LU_D, 0xc2300053, VM_FLOAT_RM2, FLOATXR, FLOAT)                              \
	X(FCVT_S_W, 0xd0000053, VM_FLOAT_RM2, FLOAT, FLOAT)                                 \
	X(FCVT_S_WU, 0xd0100053, VM_FLOAT_RM2, FLOAT, FLOAT)                                \
	X(FCVT_S_L, 0xd0200053, VM_FLOAT_RM2, FLOAT, FLOAT)                                 \
	X(FCVT_S_LU, 0xd0300053, VM_FLOAT_RM2, FLOAT, FLOAT)                                \
	X(FCVT_D_W, 0xd2000053, VM_FLOAT_RM2, FLOAT, FLOAT)                                 \
	X(FCVT_D_WU, 0xd2100053, VM_FLOAT_RM2, FLOAT, FLOAT)                                \
	X(FCVT_D_L, 0xd2200053, VM_FLOAT_RM2, FLOAT, FLOAT)                                 \
	X(FCVT_D_LU, 0xd2300053, VM_FLOAT_RM2, FLOAT, FLOAT)                                \
	X(FMV_X_W, 0xe0000053, VM_FLOAT_F2, FLOATX, FLOAT)                                  \
	X(FCLASS_S, 0xe0001053, VM_FLOAT_F2, FLOATX, FLOAT)                                 \
	X(FMV_W_X, 0xf0000053, VM_FLOAT_F2, FLOAT0, FLOAT)                                  \
	X(FMV_X_D, 0xe2000053, VM_FLOAT_F2, FLOATX, FLOAT)                                  \
	X(FCLASS_D, 0xe2001053, VM_FLOAT_F2, FLOATX, FLOAT)                                 \
	X(FMV_D_X, 0xf2000053, VM_FLOAT_F2, FLOAT0, FLOAT)

#define VM_BRANCH_TABLE(X)                                                                  \
	X(BEQ, 0x00000063, VM_FUNCT3, B, BEQ)                                               \
	X(BNE, 0x00001063, VM_FUNCT3, B, BNE)                                               \
	X(BLT, 0x00004063, VM_FUNCT3, B, BLT)                                               \
	X(BGE, 0x00005063, VM_FUNCT3, B, BGE)                                               \
	X(BLTU, 0x00006063, VM_FUNCT3, B, BLTU)                                             \
	X(BGEU, 0x00007063, VM_FUNCT3, B, BGEU)

#define VM_JALR_TABLE(X) X(JALR, 0x00000067, VM_FUNCT3, I, JALR)
#define VM_JAL_TABLE(X) X(JAL, 0x0000006f, 0x0000007f, J, JAL)

#define VM_SYSTEM_TABLE(X)                                                                  \
	X(ECALL, 0x00000073, 0xffffffff, NONE, SYSTEM)                                      \
	X(EBREAK, 0x00100073, 0xffffffff, NONE, SYSTEM)                                     \
	X(SRET, 0x10200073, 0xffffffff, NONE, RETURN)                                       \
	X(MRET, 0x30200073, 0xffffffff, NONE, RETURN)                                       \
	X(WFI, 0x10500073, 0xffffffff, NONE, SYSTEM)                                        \
	X(SFENCE_VMA, 0x12000073, 0xfe007fff, NONE, SYSTEM)                                 \
	X(CSRRW, 0x00001073, VM_FUNCT3, CSR, CSR)                                           \
	X(CSRRS, 0x00002073, VM_FUNCT3, CSR, CSR)                                           \
	X(CSRRC, 0x00003073, VM_FUNCT3, CSR, CSR)                                           \
	X(CSRRWI, 0x00005073, VM_FUNCT3, CSR, CSR)                                          \
	X(CSRRSI, 0x00006073, VM_FUNCT3, CSR, CSR)                                          \
	X(CSRRCI, 0x00007073, VM_FUNCT3, CSR, CSR)

/* By bits 2 to 6: G(number, table). */
#define VM_OPCODE_TABLES(G)                                                                 \
	G(0x00, LOAD)                                                                       \
	G(0x01, LOAD_FLOAT)                                                                 \
	G(0x03, FENCE)                                                                      \
	G(0x04, IMMEDIATE)                                                                  \
	G(0x05, AUIPC)                                                                      \
	G(0x06, IMMEDIATE32)                                                                \
	G(0x08, STORE)                                                                      \
	G(0x09, STORE_FLOAT)                                                                \
	G(0x0b, ATOMIC)                                                                     \
	G(0x0c, REGISTER)                                                                   \
	G(0x0d, LUI)                                                                        \
	G(0x0e, REGISTER32)                                                                 \
	G(0x14, FLOAT)                                                                      \
	G(0x18, BRANCH)                                                                     \
	G(0x19, JALR)                                                                       \
	G(0x1b, JAL)                                                                        \
	G(0x1c, SYSTEM)

/* All of them. Those of VM_FUSED_TABLE have four opcodes. */
#define VM_INSTRUCTION_TABLE(X)                                                             \
	VM_LOAD_TABLE(X)                                                                    \
	VM_LOAD_FLOAT_TABLE(X)                                                              \
	VM_FENCE_TABLE(X)                                                                   \
	VM_IMMEDIATE_TABLE(X)                                                               \
	VM_AUIPC_TABLE(X)                                                                   \
	VM_IMMEDIATE32_TABLE(X)                                                             \
	VM_STORE_TABLE(X)                                                                   \
	VM_STORE_FLOAT_TABLE(X)                                                             \
	VM_ATOMIC_TABLE(X)                                                                  \
	VM_REGISTER_TABLE(X)                                                                \
	VM_LUI_TABLE(X)                                                                     \
	VM_REGISTER32_TABLE(X)                                                              \
	VM_FUSED_TABLE(X)                                                                   \
	VM_FLOAT_TABLE(X)                                                                   \
	VM_BRANCH_TABLE(X)                                                                  \
	VM_JALR_TABLE(X)                                                                    \
	VM_JAL_TABLE(X)                                                                     \
	VM_SYSTEM_TABLE(X)

enum vm_instruction {
	VM_ILLEGAL,
#define VM_INSTRUCTION_ENUM(name, match, mask, format, handler) VM_##name,
	VM_INSTRUCTION_TABLE(VM_INSTRUCTION_ENUM)
#undef VM_INSTRUCTION_ENUM
	VM_INSTRUCTIONS
};

#endif
