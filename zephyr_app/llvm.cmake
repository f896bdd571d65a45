# ZEPHYR_TOOLCHAIN_VARIANT=llvm with a Clang that has neither a linker nor libraries for Arm, as
# Debian's: GNU's (arm-none-eabi-gcc, binutils, picolibc) link what it compiles.
#
# Which libraries fit depends on the core, which only Zephyr's configuration tells; but Clang is
# asked where they are before that. So it is given a folder, and the right ones are put there then.
find_program(MLFORGE_GNU_GCC arm-none-eabi-gcc REQUIRED)
set(gnu_libraries ${CMAKE_BINARY_DIR}/gnu_libraries)

# An answer of GCC's, one line.
function(ask_gnu_gcc result)
  execute_process(COMMAND ${MLFORGE_GNU_GCC} ${ARGN} OUTPUT_VARIABLE said
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${result} ${said} PARENT_SCOPE)
endfunction()

# Before Zephyr is found. GNU's libraries have enumerations as short as their values allow, and the
# objects in them do not say that they need no executable stack.
macro(prepare_gnu_libraries)
  if(NOT EXISTS ${gnu_libraries}/libgcc.a)
    file(WRITE ${gnu_libraries}/libgcc.a "")
  endif()
  ask_gnu_gcc(MLFORGE_GNU_SPECS -print-file-name=picolibc.specs)
  file(STRINGS ${MLFORGE_GNU_SPECS} said REGEX "picolibc/arm-none-eabi/include" LIMIT_COUNT 1)
  if(NOT said MATCHES ":(/[^:;}]*)/include}")
    message(FATAL_ERROR "${MLFORGE_GNU_SPECS} does not say where picolibc is")
  endif()
  set(MLFORGE_PICOLIBC ${CMAKE_MATCH_1})
  list(APPEND TOOLCHAIN_C_FLAGS -B${gnu_libraries} -fshort-enums -isystem
       ${MLFORGE_PICOLIBC}/include)
  ask_gnu_gcc(MLFORGE_GNU_LD -print-prog-name=ld)
  string(APPEND CMAKE_EXE_LINKER_FLAGS " --ld-path=${MLFORGE_GNU_LD} -Wl,-z,noexecstack")
endmacro()

# Once the core is known.
macro(choose_gnu_libraries)
  set(core ${TOOLCHAIN_C_FLAGS})
  list(FILTER core INCLUDE REGEX "^-m(cpu|thumb|fpu|float-abi)")
  list(REMOVE_ITEM core -mfpu=none)
  ask_gnu_gcc(libgcc ${core} -print-libgcc-file-name)
  ask_gnu_gcc(multilib ${core} -print-multi-directory)
  file(CREATE_LINK ${libgcc} ${gnu_libraries}/libgcc.a SYMBOLIC)
  foreach(name c m)
    file(CREATE_LINK ${MLFORGE_PICOLIBC}/lib/${multilib}/lib${name}.a
      ${gnu_libraries}/lib${name}.a SYMBOLIC)
  endforeach()
endmacro()
