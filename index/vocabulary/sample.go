package vocabulary

// Sampled is what coding a sample of distinct values as texts tells of all of them.
type Sampled struct {
	Values      int
	Templates   int
	Bytes       int // of the values
	StaticBytes int // of them that are in templates and not in holes
	Spaced      int // values with a space in them
}

// Sample codes up to most of a vocabulary's values, evenly chosen.
func Sample(values *Arena, most int) Sampled {
	var s Sampled
	n := values.Len()
	c := NewCoder(CoderLimits{Templates: most, TemplateBytes: sampleTemplateBytes})
	for i := range min(n, most) {
		value := values.At(i * n / min(n, most))
		_, holes := c.Code(value)
		static := len(value)
		for _, h := range holes {
			static -= h.End - h.Start
		}
		s.Values++
		s.Bytes += len(value)
		s.StaticBytes += static
		for _, b := range value {
			if b == ' ' {
				s.Spaced++
				break
			}
		}
	}
	s.Templates = c.Len()
	return s
}

// Templated says whether the values are a few templates with numbers or ids in them, such as URLs with ids: then most of a value's bytes are
// stored once, and at least staticMin of each.
func (s Sampled) Templated(staticMin int) bool {
	return s.Templates*sampleShare <= s.Values && s.StaticBytes >= staticMin*s.Values
}
