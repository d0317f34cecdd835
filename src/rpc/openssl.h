/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openssl.h - OpenSSL's errors as ours.
 */
#ifndef RPC_OPENSSL_H
#define RPC_OPENSSL_H

#include <groundwork/base.h>

/* The formatted sentence, ": " and what OpenSSL says of its first error on this thread; its list
 * of errors is empty afterwards. The code is `code`, or GW_E_NO_MEMORY when that is the reason. */
int rpc_openssl_fail(struct gw_error *error, int code, const char *format, ...) GW_PRINTF(3, 4);

#endif
