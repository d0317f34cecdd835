/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_io.h - mr_store over struct io: the engine in a task, on whatever its io is; in the
 * simulator, on a disk that fails. Its calls wait (they are made from tasks of one loop), and it
 * has no memory to map.
 *
 * What was committed survives power loss: the files and directories are synced before the rename,
 * and the directory that they appear in after it.
 */
#ifndef MR_STORE_IO_H
#define MR_STORE_IO_H

#include "store.h"

/* The caller owns the object; nothing has to be freed. */
void mr_store_io_init(struct mr_store *store);

#endif
