// The shape of one up-block: [4 in_groups, size, size] -> [4 out_groups, 2 size, 2 size].
struct BlockShape {
    // Width and height of the input.
    size: u32,
    // Channels in, in fours.
    in_groups: u32,
    // Channels out, in fours.
    out_groups: u32,
    reserved: u32,
}
