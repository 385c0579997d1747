/* The one place that says which trimtab this is. */
#pragma once

#define TRIMTAB_VERSION "0.1.0"
