/*
 * How much memory a part of the program takes at its peak: resident pages, as the kernel counts them.
 */
#pragma once

/* Gives back what is free and begins to measure: the pages now resident, in MB; NaN where it cannot be done. */
double memory_mark(void);
/* The most that was resident since, above that; NaN if it was. */
double memory_peak(double mark);
