// message/snapshot_layout.h - the block of a Snapshot: header, records, names, UIDLs. Private to message/.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "buzon/message/snapshot.h"

namespace buzon::message {

// Written and read on machines with the same byte order; others see a wrong magic number and measure again.
inline constexpr std::uint64_t snapshot_magic = 0x32'53'2D'4E'4F'5A'55'42; // "BUZON-S2"; the digit is the version

struct Snapshot::Header {
    std::uint64_t magic = snapshot_magic;
    std::uint64_t checksum = 0; // of everything after this field
    std::uint64_t size = 0;     // of the whole block
    std::uint64_t total_octets = 0;
    std::uint64_t names_size = 0;
    std::uint64_t uidls_size = 0;
    std::uint64_t rules = 0;
    std::uint32_t count = 0;
    std::uint32_t settled = 0;
    Stamps stamps;
};

struct Snapshot::Record {
    std::uint64_t octets = 0;
    std::uint64_t stored_size = 0;
    std::uint64_t inode = 0;
    std::int64_t mtime_ns = 0;
    std::uint32_t name_at = 0; // in the names
    std::uint32_t uidl_at = 0; // in the UIDLs
    std::uint16_t name_size = 0;
    std::uint16_t base_size = 0; // length of the base name
    std::uint8_t uidl_size = 0;  // 0: the base name is the UIDL
    std::uint8_t flags = 0;
    std::uint16_t unused = 0;

    static constexpr std::uint8_t is_new = 1, is_wire_form = 2, is_measured = 8, is_namesake = 16;
};

inline constexpr std::size_t checksum_starts = 16; // after this field
inline constexpr std::size_t longest_file_name = 255;

} // namespace buzon::message
