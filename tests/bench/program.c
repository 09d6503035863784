/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "program.h"

#include "bpf.h"

#include <assert.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>

#define INSTRUCTIONS 96
#define LOG_SIZE     65536

enum {
	OFFSET_IP = 14,
	OFFSET_CHECKSUM = 24,
	OFFSET_SOURCE = 26,
	OFFSET_DESTINATION = 30,
	OFFSET_UDP = 34,
};

struct code {
	struct bpf_insn instructions[INSTRUCTIONS];
	int count;
};

static void emit(struct code *code, int opcode, int dst, int src, int offset, int64_t immediate)
{
	assert(code->count < INSTRUCTIONS);
	code->instructions[code->count++] = (struct bpf_insn){
	        .code = (uint8_t)opcode,
	        .dst_reg = (uint8_t)(dst & 15),
	        .src_reg = (uint8_t)(src & 15),
	        .off = (int16_t)offset,
	        .imm = (int32_t)(uint32_t)immediate,
	};
}

static void compute(struct code *code, int operation, int dst, int64_t immediate)
{
	emit(code, BPF_ALU64 | operation | BPF_K, dst, 0, 0, immediate);
}

static void compute_from(struct code *code, int operation, int dst, int src)
{
	emit(code, BPF_ALU64 | operation | BPF_X, dst, src, 0, 0);
}

static void load(struct code *code, int size, int dst, int src, int offset)
{
	emit(code, BPF_LDX | BPF_MEM | size, dst, src, offset, 0);
}

static void store(struct code *code, int size, int dst, int src, int offset)
{
	emit(code, BPF_STX | BPF_MEM | size, dst, src, offset, 0);
}

/* Stores a constant of up to 32 bits, given as it is read from left to right in the frame. */
static void store_constant(struct code *code, int offset, int bits, uint32_t value)
{
	emit(code, BPF_ST | BPF_MEM | (bits == 32 ? BPF_W : BPF_H), BPF_REG_6, 0, offset,
	     bits == 32 ? htonl(value) : htons((uint16_t)value));
}

/* Stores a register of which the lowest bits are a number in host order. */
static void store_number(struct code *code, int offset, int bits, int reg)
{
	emit(code, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_0, reg, 0, 0);
	emit(code, BPF_ALU | BPF_END | BPF_TO_BE, BPF_REG_0, 0, 0, bits);
	store(code, bits == 32 ? BPF_W : BPF_H, BPF_REG_6, BPF_REG_0, offset);
}

/* r6: the frame's first byte. Ends the program when the frame is too short. */
static void check_frame(struct code *code)
{
	load(code, BPF_W, BPF_REG_6, BPF_REG_1, offsetof(struct xdp_md, data));
	load(code, BPF_W, BPF_REG_2, BPF_REG_1, offsetof(struct xdp_md, data_end));
	compute_from(code, BPF_MOV, BPF_REG_3, BPF_REG_6);
	compute(code, BPF_ADD, BPF_REG_3, FRAME_LENGTH);
	emit(code, BPF_JMP | BPF_JLE | BPF_X, BPF_REG_3, BPF_REG_2, 2, 0);
	compute(code, BPF_MOV, BPF_REG_0, XDP_ABORTED);
	emit(code, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* r7: the number of this packet. One program runs at a time, so nothing need be atomic. */
static void count_packet(struct code *code, int counter_fd, uint32_t period)
{
	emit(code, BPF_LD | BPF_DW | BPF_IMM, BPF_REG_5, BPF_PSEUDO_MAP_VALUE, 0, counter_fd);
	emit(code, 0, 0, 0, 0, 0);
	load(code, BPF_DW, BPF_REG_7, BPF_REG_5, 0);
	compute_from(code, BPF_MOV, BPF_REG_4, BPF_REG_7);
	compute(code, BPF_ADD, BPF_REG_4, 1);
	store(code, BPF_DW, BPF_REG_5, BPF_REG_4, 0);
	if (period != 0)
		compute(code, BPF_MOD, BPF_REG_7, period);
}

/* r8: the source, scattered so that a short run meets hosts from all of the policy. */
static void choose_source(struct code *code, const struct series *series)
{
	emit(code, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_8, BPF_REG_7, 0, 0);
	emit(code, BPF_ALU | BPF_MUL | BPF_K, BPF_REG_8, 0, 0, 0x9e3779b1);
	compute_from(code, BPF_MOV, BPF_REG_4, BPF_REG_8);
	compute(code, BPF_RSH, BPF_REG_4, 15);
	compute_from(code, BPF_XOR, BPF_REG_8, BPF_REG_4);
	compute(code, BPF_MOD, BPF_REG_8, series->hosts);
	/* A 32-bit operation: addresses have no sign. */
	emit(code, BPF_ALU | BPF_ADD | BPF_K, BPF_REG_8, 0, 0, series->source);
	store_number(code, OFFSET_SOURCE, 32, BPF_REG_8);
}

/* r9: the destination address. */
static void choose_destination(struct code *code, const struct series *series)
{
	compute_from(code, BPF_MOV, BPF_REG_9, BPF_REG_7);
	compute(code, BPF_DIV, BPF_REG_9, SOURCE_PORTS);
	emit(code, BPF_ALU | BPF_ADD | BPF_K, BPF_REG_9, 0, 0, series->destination);
	store_number(code, OFFSET_DESTINATION, 32, BPF_REG_9);
}

static void choose_ports(struct code *code, const struct series *series)
{
	compute_from(code, BPF_MOV, BPF_REG_4, BPF_REG_7);
	compute(code, BPF_MOD, BPF_REG_4, SOURCE_PORTS);
	compute(code, BPF_ADD, BPF_REG_4, series->source_port);
	store_number(code, OFFSET_UDP, 16, BPF_REG_4);

	compute(code, BPF_MOV, BPF_REG_4, series->port);
	emit(code, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_7, 0, 0, 1);
	emit(code, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_7, 0, 1, 0);
	compute(code, BPF_MOV, BPF_REG_4, series->other_port);
	store_number(code, OFFSET_UDP + 2, 16, BPF_REG_4);
}

static void add_halves(struct code *code, int reg)
{
	compute_from(code, BPF_MOV, BPF_REG_4, reg);
	compute(code, BPF_RSH, BPF_REG_4, 16);
	compute_from(code, BPF_ADD, BPF_REG_3, BPF_REG_4);
	compute_from(code, BPF_MOV, BPF_REG_4, reg);
	compute(code, BPF_AND, BPF_REG_4, 0xffff);
	compute_from(code, BPF_ADD, BPF_REG_3, BPF_REG_4);
}

/* The frame that was here before has been forwarded: all that this changed is written again. */
static void write_headers(struct code *code, const struct series *series)
{
	const uint8_t *mac = series->gateway_mac;
	const uint32_t words[] = {
	        0x45000000 | (FRAME_LENGTH - OFFSET_IP),
	        0x00004000, /* may not be fragmented */
	        64 << 24 | IPPROTO_UDP << 16,
	};
	uint32_t sum = 0;

	store_constant(code, 0, 32,
	               (uint32_t)mac[0] << 24 | (uint32_t)mac[1] << 16 | (uint32_t)mac[2] << 8 |
	                       mac[3]);
	store_constant(code, 4, 32, (uint32_t)mac[4] << 24 | (uint32_t)mac[5] << 16 | 0x0200);
	store_constant(code, 8, 32, 0x0000fffe);
	store_constant(code, 12, 16, ETH_P_IP);
	for (int i = 0; i < 3; i++) {
		store_constant(code, OFFSET_IP + 4 * i, 32, words[i]);
		sum += (words[i] >> 16) + (words[i] & 0xffff);
	}
	store_constant(code, OFFSET_UDP + 4, 16, FRAME_LENGTH - OFFSET_UDP);
	store_constant(code, OFFSET_UDP + 6, 16, 0);

	compute(code, BPF_MOV, BPF_REG_3, sum);
	add_halves(code, BPF_REG_8);
	add_halves(code, BPF_REG_9);
	for (int i = 0; i < 2; i++) {
		compute_from(code, BPF_MOV, BPF_REG_4, BPF_REG_3);
		compute(code, BPF_RSH, BPF_REG_4, 16);
		compute(code, BPF_AND, BPF_REG_3, 0xffff);
		compute_from(code, BPF_ADD, BPF_REG_3, BPF_REG_4);
	}
	compute(code, BPF_XOR, BPF_REG_3, 0xffff);
	store_number(code, OFFSET_CHECKSUM, 16, BPF_REG_3);
}

static void pass(struct code *code)
{
	compute(code, BPF_MOV, BPF_REG_0, XDP_PASS);
	emit(code, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int load_code(const struct code *code)
{
	static const char license[] = "GPL";
	char log[LOG_SIZE] = "";
	union bpf_attr attr = {
	        .prog_type = BPF_PROG_TYPE_XDP,
	        .insns = (uintptr_t)code->instructions,
	        .insn_cnt = (uint32_t)code->count,
	        .license = (uintptr_t)license,
	        .log_buf = (uintptr_t)log,
	        .log_size = sizeof(log),
	        .log_level = 1,
	};

	int fd = bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0)
		fputs(log, stderr);
	return fd;
}

int program_load(const struct series *series, int counter_fd)
{
	struct code code = {};

	check_frame(&code);
	count_packet(&code, counter_fd, series->period);
	choose_source(&code, series);
	choose_destination(&code, series);
	choose_ports(&code, series);
	write_headers(&code, series);
	pass(&code);
	return load_code(&code);
}

int program_load_pass(void)
{
	struct code code = {};

	pass(&code);
	return load_code(&code);
}
