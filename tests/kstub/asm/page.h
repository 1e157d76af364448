/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kstub - <asm/page.h> for PURE files in userspace */
#ifndef KSTUB_ASM_PAGE_H
#define KSTUB_ASM_PAGE_H

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096UL

#endif /* KSTUB_ASM_PAGE_H */
