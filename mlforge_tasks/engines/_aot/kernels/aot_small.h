/* Included first by what is built for size whatever the compiler's option: where -O2 saves a network
 * next to nothing (benchmarks/levels.py). A function that is called once is not made part of its
 * caller, which at -Os costs more than the call.
 */
#ifndef AOT_SMALL_H
#define AOT_SMALL_H

#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__)
#pragma GCC optimize("Os", "no-inline-functions-called-once")
#endif

#endif
