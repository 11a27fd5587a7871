package access

import "time"

const (
	// credentialBytesMax bounds what is presented: a JWT with many groups has a few kilobytes, and headers may have 1 MiB.
	credentialBytesMax = 16 << 10
	// tokenBytes are a token's random bytes: 256 bits cannot be guessed, so that a fast hash is enough to keep them.
	tokenBytes = 32
	// failuresBurst and failuresPerMinute are how many wrong credentials an address may present before it is told to wait. Right ones are always taken: a host
	// with one wrong agent must not lock the others out.
	failuresBurst     = 20
	failuresPerMinute = 20
	// addressesMax bounds the addresses that failures are counted for; the longest silent one is forgotten for a new one.
	addressesMax = 4096
	// verifiedMax bounds the JWTs that are remembered as verified, of about 100 bytes each: as many senders as one process has at once.
	verifiedMax = 4096
	// clockSkew is how far a provider's clock may be off.
	clockSkew = time.Minute
	// providerTimeout bounds a question to the OpenID Connect provider, providerAgain how soon it is asked again after it did not answer.
	providerTimeout = 10 * time.Second
	providerAgain   = 5 * time.Second
	// providerPerSecond and providerBurst bound the questions to the provider, logins among them.
	providerPerSecond = 2
	providerBurst     = 20
	// sessionMin and sessionMax bound how long a login may hold.
	sessionMin = time.Minute
	sessionMax = 30 * 24 * time.Hour
	// sessionBytesMax bounds a session's cookie: browsers drop cookies beyond 4 KiB.
	sessionBytesMax = 3800
	// loggedOutMax bounds the sessions that were ended before their time and are remembered until it: half a megabyte on the disk. logoutLinesFree is how many
	// lines of expired ones their file may have before it is written anew.
	loggedOutMax    = 10_000
	logoutLinesFree = 1000
	// flowsMax bounds the logins at the provider that are remembered as done, of ten minutes each.
	flowsMax = 10_000
)
