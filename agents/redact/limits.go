package redact

// textBytesMin is the length below which a text is not looked at: no rule's secret is that short, and most attribute values are.
const textBytesMin = 8
