package journal

// slackBytes is how much a journal grows before it is replaced, beside twice what was left of it the last time: a replacement costs about as much as two appends, and
// this is hundreds of them.
const slackBytes = 256 << 10
