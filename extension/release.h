/*
 * release.h
 *		Which release of quorate this library is, and which SQL objects it serves.
 *
 * The build defines QUORATE_RELEASE from quorate.control: the version of the library and of the install script that is
 * built with it.  While a cluster is upgraded node by node, a new library works for some time with the objects that the
 * script of the release before made (docs/decisions/0011-versions.md).
 */
#ifndef QUORATE_RELEASE_H
#define QUORATE_RELEASE_H

#ifndef QUORATE_RELEASE
#error "QUORATE_RELEASE is not defined: build with make"
#endif

/* The release before, whose SQL objects are served too.  None was published before 0.1; the tests build one. */
#ifndef QUORATE_RELEASE_BEFORE
#define QUORATE_RELEASE_BEFORE "0.0"
#endif

#endif /* QUORATE_RELEASE_H */
