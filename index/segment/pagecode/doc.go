// Package pagecode writes and reads what is inside Parquet pages: dictionary indices in the RLE/bit-packing hybrid, definition levels,
// DELTA_BINARY_PACKED integers, and the Thrift of page headers. It knows no columns, segments or files: bytes in, values out.
//
// Writers append to a slice that is used again. Readers take bytes whose checksum was right and do not rely on that: what does not follow
// its encoding is [Err], never a panic.
package pagecode
