/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_fixture.h - a plain model of the master's state: a list of files, each with its chunks,
 * looked through from one end to the other. A trial draws a record, says of what is in the model
 * which code it has to end with, has the state carry it out, and changes the model.
 */
#ifndef GFS_MASTER_MODEL_FIXTURE_H
#define GFS_MASTER_MODEL_FIXTURE_H

#include "gfs/master/state_fixture.h"

enum { MODEL_FILES = 400, MODEL_CHUNKS = 3000, MODEL_INDEXES = 4, MODEL_CHUNK_BYTES = 1 << 16 };

struct model_chunk {
	uint64_t handle;
	uint32_t version, references, live;
	int source; /* -1: none */
	uint8_t goal;
	bool granted;
};

struct model_file {
	char path[64];
	bool used, hidden, is_directory;
	uint64_t id, due_ms, deleted, modified_ms, length;
	uint64_t collect_ms;
	uint32_t mode;
	uint8_t goal;
	int chunks[MODEL_INDEXES]; /* -1: none */
};

struct model {
	struct model_file files[MODEL_FILES];
	struct model_chunk chunks[MODEL_CHUNKS];
	int chunk_count;
	uint64_t next_id;
	uint64_t now_ms, index;
	uint64_t random;
};

/* Below a number. */
uint64_t model_pick(struct model *model, uint64_t below);
void model_copy_path(char out[64], const char *path);

/* ---- What is in it; paths are absolute ------------------------------------------------------- */

/* NULL: there is none, or it is deleted. */
struct model_file *model_find(struct model *model, const char *path);
/* The deleted one; 0: the last that was deleted with this path. */
struct model_file *model_find_deleted(struct model *model, const char *path, uint64_t id);
struct model_chunk *model_handle(struct model *model, uint64_t handle);
void model_parent(const char *path, char out[64]);
bool model_under(const char *path, const char *above);
/* 0, or why records of chunks cannot be of this file (NULL: there is none). */
int model_file_code(const struct model_file *file);
/* 0, or why a file cannot be made here. */
int model_check_free(struct model *model, const char *path);
/* What holds here by the directories above. */
uint64_t model_collect_ms(struct model *model, const char *path);
uint8_t model_goal(struct model *model, const char *path);

/* ---- Changes --------------------------------------------------------------------------------- */

struct model_file *model_new(struct model *model, const char *path);
/* The index of a chunk. */
int model_chunk_new(struct model *model, uint64_t handle, uint8_t goal, bool granted);
/* A file does without the chunk. */
void model_release(struct model *model, int chunk, bool was_live);
void model_hide(struct model *model, struct model_file *file, uint64_t due_ms);
/* The directory that it is in was changed. */
void model_touch(struct model *model, const char *path);

/* ---- Drawing --------------------------------------------------------------------------------- */

/* A file or directory, deleted or not. */
const struct model_file *model_draw_used(struct model *model);
/* Mostly in a directory that is there. */
void model_draw_path(struct model *model, char path[64]);
/* Of a path that is there, more often. */
void model_draw_known(struct model *model, char path[64]);
/* A file that shares a chunk, if there is one behind where it begins to look. */
void model_draw_shared(struct model *model, char path[64], uint64_t *index);
uint64_t model_draw_handle(struct model *model);

/* ---- Trials ---------------------------------------------------------------------------------- */

struct trial {
	struct model *model;
	struct state_fixture *fixture;
	struct gfs_record record;
	char path[64], to[64];
	uint32_t succeeded[GFS_RECORD_KINDS];
};

/* The record's code. */
int trial_go(struct trial *trial);
void trial_draw_set(struct trial *trial);

void try_create(struct trial *trial);
void try_mkdir(struct trial *trial);
void try_delete(struct trial *trial);
void try_undelete(struct trial *trial);
void try_rename(struct trial *trial);
void try_snapshot(struct trial *trial);
void try_collect(struct trial *trial);
void try_set(struct trial *trial);
void try_truncate(struct trial *trial);
void try_length(struct trial *trial);
void try_chunk_add(struct trial *trial);
void try_chunk_copy(struct trial *trial);
void try_chunk_copied(struct trial *trial);
void try_grant(struct trial *trial);
void try_release(struct trial *trial);

#endif
