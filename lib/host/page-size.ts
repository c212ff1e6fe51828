/** Bytes of a page: that of x86-64, and of arm64 as distributions build it. Node does not tell the kernel's. */
export const PAGE_SIZE = 4096;
