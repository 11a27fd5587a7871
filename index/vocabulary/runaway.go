package vocabulary

// runaway notices a vocabulary that does not settle. Real systems say few things many times: of a thousand lines, the first may bring a few hundred
// templates, later ones hardly any. Where instead every second or third text goes on bringing a template of its own (random words, dumps,
// base64), templates explain nothing: each would be stored, sorted and searched for one row. From then on texts of unknown templates are
// kept raw, which costs no more than a plain column.
//
// What runs away may stand among ordinary messages. A template that is met a second time is learned all the same. And the door opens
// again after a while, for a short look: if new templates settle now, it stays open; if not, it is shut for twice as long.
//
// It counts texts and templates and nothing else, so a Coder's outcome still depends on the sequence of texts only.
type runaway struct {
	texts int // seen so far

	at        int // texts when the window began
	templates int // and templates
	closed    bool
	pause     int // texts for which it stays shut

	// seen holds hashes of templates that were turned away; the newest of a place wins.
	seen []uint64
}

func (r *runaway) bytes() int64 { return 8 * int64(len(r.seen)) }

// again says whether a template, given by its hash, was turned away before, and remembers it.
func (r *runaway) again(hash uint64) bool {
	if r.seen == nil {
		r.seen = make([]uint64, runawaySeen)
	}
	at := &r.seen[hash%runawaySeen]
	if *at == hash {
		return true
	}
	*at = hash
	return false
}

// shut says whether a new template is not to be learned, given how many there are.
func (r *runaway) shut(templates int) bool {
	if r.closed {
		if r.texts-r.at < r.pause {
			return true
		}
		r.closed = false
		r.at, r.templates = r.texts, templates
		return false
	}
	learned := templates - r.templates
	most := runawayTemplates
	if r.pause > 0 {
		most = runawayLook
	}
	if learned < most {
		return false
	}
	settled := r.texts-r.at > learned*runawayTexts
	r.at, r.templates = r.texts, templates
	if settled {
		r.pause = 0
		return false
	}
	r.closed = true
	r.pause = min(max(runawayPause, 2*r.pause), runawayPauseMax)
	return true
}
