/* Included first by what is built for size whatever the compiler's option: next to no instructions
 * of a network, or none fewer at -O2 than at -Os.
 */
#ifndef AOT_SMALL_H
#define AOT_SMALL_H

#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__)
#pragma GCC optimize("Os")
#endif

#endif
