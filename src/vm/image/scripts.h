/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scripts.h - the two scripts of this room, as the strings that embed.py makes of them.
 */
#ifndef VM_IMAGE_SCRIPTS_H
#define VM_IMAGE_SCRIPTS_H

extern const char vm_image_script[]; /* image.sh */
extern const char vm_image_init[];   /* init.sh */

#endif
