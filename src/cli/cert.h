/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cert.h - `gw cert`: the certificates of a cluster.
 */
#ifndef CLI_CERT_H
#define CLI_CERT_H

#include <stdio.h>

int cli_cert(int argc, char **argv);
void cli_cert_words(int argc, char **argv, FILE *file);

#endif
