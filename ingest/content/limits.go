package content

const (
	// groupBytesUsual is what a row group of a head holds where records are of usual size (64k of them at about 100 to 200 bytes). Of what exceeds it four
	// copies are made while it is sealed: the values of a column in rows' order, their page, the page compressed, and what the compressor's buffer grew
	// through. sealCopies counts each with the garbage that it leaves.
	groupBytesUsual = 16 << 20
	sealCopies      = 8
)
