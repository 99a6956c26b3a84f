// mail/wire_loops.h - the loops over blocks of octets. Included by each wire_*.cpp that has defined `Block` (a vector
// of Block::width octets) and BUZON_VECTORS (the attribute its functions need), inside an unnamed namespace.

// The counts of up to 255 blocks fit the octets of a vector; then they are summed.
BUZON_VECTORS void count_blocks(const char* data, std::size_t size, WireCounts& counts) noexcept {
    const Block line_feed = Block::all('\n'), carriage_return = Block::all('\r'), dot = Block::all('.');
    std::size_t at = 0;
    while (size - at >= Block::width) {
        const std::size_t blocks = std::min<std::size_t>((size - at) / Block::width, 255);
        Block line_feeds = Block::all(0), crlfs = Block::all(0), dots = Block::all(0);
        for (const std::size_t end = at + blocks * Block::width; at != end; at += Block::width) {
            const Block here = Block::load(data + at), before = Block::load(data + at - 1);
            const Block ends = here.equal(line_feed);
            line_feeds = line_feeds.minus(ends);
            crlfs = crlfs.minus(ends.with(before.equal(carriage_return)));
            dots = dots.minus(here.equal(dot).with(before.equal(line_feed)));
        }
        counts.line_feeds += line_feeds.sum();
        counts.crlfs += crlfs.sum();
        counts.leading_dots += dots.sum();
    }
    wire_portable.count(data + at, size - at, counts);
}

// Copies block after block; where a block holds a line feed, what was copied behind it is overwritten. So the room must
// be a block and a line end larger than what is made for certain; the rest goes octet by octet.
BUZON_VECTORS DotStuffer::Progress stuff_blocks(std::string_view stored, std::span<char> room, char& last) noexcept {
    constexpr std::ptrdiff_t width = Block::width;
    constexpr std::ptrdiff_t widest = width + 4;
    const Block line_feed = Block::all('\n');
    WireCursor at{stored.data(), stored.data() + stored.size(), room.data(), room.data() + room.size(), last};
    // The loop sees a leading dot only behind a line feed of its own.
    while (at.last == '\n' && at.in != at.in_end && at.step(1)) {
    }
    while (at.in_end - at.in > width && at.out_end - at.out >= widest) {
        const Block block = Block::load(at.in);
        block.store(at.out);
        const std::uint32_t ends = block.equal(line_feed).mask();
        if (ends == 0) {
            at.in += width;
            at.out += width;
            at.last = at.in[-1];
            continue;
        }
        const int text = __builtin_ctz(ends);
        const char before = text == 0 ? at.last : at.in[text - 1];
        at.in += text + 1;
        at.out += text;
        if (before != '\r') *at.out++ = '\r';
        *at.out++ = '\n';
        at.last = '\n';
        if (*at.in == '.') { // there is one octet more than a block
            *at.out++ = '.';
            *at.out++ = '.';
            at.last = '.';
            ++at.in;
        }
    }
    at.step(stored.size());
    last = at.last;
    return {static_cast<std::size_t>(at.in - stored.data()), static_cast<std::size_t>(at.out - room.data())};
}
