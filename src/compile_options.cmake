# Warnings, hardening and sanitizers: all options of the compiler, in one place.

add_library(buzon_options INTERFACE)
target_compile_options(buzon_options INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast
    -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -Wformat=2 -Wundef
    $<$<BOOL:${BUZON_WERROR}>:-Werror>
    -fstack-protector-strong
    $<$<CXX_COMPILER_ID:GNU>:-fstack-clash-protection>)
target_compile_definitions(buzon_options INTERFACE _GNU_SOURCE=1 BUZON_VERSION="${PROJECT_VERSION}")
target_link_options(buzon_options INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,--as-needed)

# The other flags that OpenSSF's guide recommends, for optimised code (so not for targets with BUZON_PLAIN:
# tests/CMakeLists.txt). -U first: some distributions' compilers define _FORTIFY_SOURCE already. Without optimisation it
# only warns, and under a sanitizer the sanitizer's own interceptors do its work. NDEBUG does not turn
# _GLIBCXX_ASSERTIONS off: an index beyond the end of a container ends the process. The last two protect jumps and
# returns from being diverted (x86, ARM). We do not use -ftrivial-auto-var-init: g++ 12 then clears locals that have
# already been constructed, so that descriptors become 0 instead of -1.
if(NOT BUZON_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    include(CheckCXXCompilerFlag)
    set(hardening -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS)
    foreach(flag -fcf-protection=full -mbranch-protection=standard)
        string(MAKE_C_IDENTIFIER BUZON_HAS${flag} known)
        check_cxx_compiler_flag(${flag} ${known})
        if(${known})
            list(APPEND hardening ${flag})
        endif()
    endforeach()
    target_compile_options(buzon_options INTERFACE -U_FORTIFY_SOURCE
        "$<$<NOT:$<BOOL:$<TARGET_PROPERTY:BUZON_PLAIN>>>:${hardening}>")
endif()

# Without UBSan's check of the type behind a pointer (vptr): it opens a pipe, and so reports a fault exactly where the
# tests let descriptors run out. AddressSanitizer sees the use of destroyed objects.
# At a fixed address: what the sanitizers add is full of pointers, and relocating 700,000 of them at every start of a
# program took longer than the tests themselves.
if(BUZON_SANITIZE)
    set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(buzon_options INTERFACE -fno-pie)
    target_link_options(buzon_options INTERFACE -no-pie)
    target_compile_options(buzon_options INTERFACE
        -fsanitize=${BUZON_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer
        # The tests' own code gets AddressSanitizer only: UBSan would take a third of its compile time.
        $<$<BOOL:$<TARGET_PROPERTY:BUZON_PLAIN>>:-fno-sanitize=undefined>)
    target_link_options(buzon_options INTERFACE -fsanitize=${BUZON_SANITIZE})
    # Links these large programs in a third of the time, and comes with binutils.
    include(CheckLinkerFlag)
    check_linker_flag(CXX -fuse-ld=gold BUZON_HAS_gold)
    if(BUZON_HAS_gold)
        target_link_options(buzon_options INTERFACE -fuse-ld=gold)
    endif()
endif()

include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

# buzon_library(NAME [folders...]): a library for one folder of src/, and the folders that it may use (the folder's
# bracket in docs/architecture.md). Headers are found through build/include/FOLDER, which is on the include path of only
# those folders that may use FOLDER: including any other header does not compile.
function(buzon_library name)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
    list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
    add_library(buzon_${name} STATIC ${sources})
    set(room ${PROJECT_BINARY_DIR}/include/${name})
    file(MAKE_DIRECTORY ${room}/buzon)
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/include/buzon/${name} ${room}/buzon/${name} SYMBOLIC)
    target_include_directories(buzon_${name} PUBLIC ${room})
    target_link_libraries(buzon_${name} PUBLIC buzon_options)
    foreach(folder IN LISTS ARGN)
        target_link_libraries(buzon_${name} PUBLIC buzon_${folder})
    endforeach()
endfunction()

# buzon_program(TARGET OUTPUT SOURCE links...): a program in BUZON_BIN_DIR.
function(buzon_program target output source)
    add_executable(${target} ${source})
    target_link_libraries(${target} PRIVATE buzon_options ${ARGN})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${output} RUNTIME_OUTPUT_DIRECTORY ${BUZON_BIN_DIR}
                          POSITION_INDEPENDENT_CODE ${CMAKE_POSITION_INDEPENDENT_CODE})
endfunction()
