package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
)

// Cluster is who there is, and who has which shard, as one process sees it.
type Cluster struct {
	Log          string          `json:"log"`           // embedded, or the NATS that keeps it
	Shards       int             `json:"shards"`        // that new records are spread over
	LeaseSeconds float64         `json:"lease_seconds"` // after which a shard's owner that has vanished is replaced; 0: the log is embedded
	Known        bool            `json:"known"`         // everybody has had time to be heard of
	Disconnected bool            `json:"disconnected"`  // this process does not reach NATS
	Members      []ClusterMember `json:"members"`
	List         []ClusterShard  `json:"list"` // all shards that there are
}

// ClusterMember is a process.
type ClusterMember struct {
	Name      string            `json:"name"`
	Roles     []string          `json:"roles"`
	Version   string            `json:"version"`
	Started   time.Time         `json:"started"`
	Addresses map[string]string `json:"addresses"` // host:port, by what for
	Ready     bool              `json:"ready"`
	Shards    []int             `json:"shards"`   // owned
	Sequence  uint64            `json:"sequence"` // the last commit that it knows
	// Writes are the versions that it writes of what others read, message and commit: what all processes read. Absent: it is of a version that does not say.
	Writes map[string]int `json:"writes,omitempty"`
}

// ClusterShard is a shard. Positions are the log's.
type ClusterShard struct {
	Shard    int    `json:"shard"`
	Owner    string `json:"owner"` // a member's name; empty: nobody
	Epoch    uint64 `json:"epoch"`
	CaughtUp bool   `json:"caught_up"` // the owner has read what was in the log when it took the shard
	Draining bool   `json:"draining"`  // it gets no new records
	Floor    uint64 `json:"floor"`     // every message up to it is in segments
	Consumed uint64 `json:"consumed"`
	First    uint64 `json:"first"`
	Last     uint64 `json:"last"`
	Lag      uint64 `json:"lag"` // messages that the owner has not read
	// BehindSeconds is for how long the first of them has waited, as its owner said last. Beyond 2 answers say so.
	BehindSeconds float64 `json:"behind_seconds"`
	LogBytes      int64   `json:"log_bytes"`
	LogBytesMax   int64   `json:"log_bytes_max"`
	Error         string  `json:"error,omitempty"`
	// Lost is what is known to be lost of its log, oldest first: answers over those times say so.
	Lost []ClusterLoss `json:"lost,omitempty"`
}

// ClusterLoss is what is lost of a shard's log.
type ClusterLoss struct {
	ID      string    `json:"id"`
	From    uint64    `json:"from"` // positions, both inclusive
	To      uint64    `json:"to"`   // 0: it is not known where it ends
	Reason  string    `json:"reason"`
	Since   time.Time `json:"since"` // between when and when the log took it
	Until   time.Time `json:"until"`
	Noticed time.Time `json:"noticed"`
	// Accepted is when somebody said that it is known, and By who: answers do not say it any more. Absent: nobody has.
	Accepted *time.Time `json:"accepted,omitempty"`
	By       string     `json:"by,omitempty"`
}

func (s *Server) cluster(c *gin.Context) {
	answer, err := s.deps.Cluster(c.Request.Context())
	if err != nil {
		fail(c, http.StatusServiceUnavailable, ErrorDetail{Code: "unavailable", Message: err.Error()})
		return
	}
	c.JSON(http.StatusOK, answer)
}

// clusterShards changes over how many shards records are spread.
func (s *Server) clusterShards(c *gin.Context) {
	n, err := strconv.Atoi(c.Query("count"))
	if err != nil {
		fail(c, http.StatusBadRequest, ErrorDetail{Code: "bad_request", Field: "count", Message: "count: want a number of shards"})
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), shardsTimeout)
	defer cancel()
	err = s.deps.SetShards(ctx, n)
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		fail(c, http.StatusBadRequest, ErrorDetail{Code: "bad_request", Message: refused.Error()})
	case err != nil:
		fail(c, http.StatusServiceUnavailable, ErrorDetail{Code: "unavailable", Message: err.Error()})
	default:
		c.JSON(http.StatusOK, gin.H{"shards": n})
	}
}

// acceptLosses takes a loss for known, so that answers are whole again.
func (s *Server) acceptLosses(c *gin.Context) {
	if err := checkParams(c, "id"); err != nil {
		s.failed(c, err)
		return
	}
	ids := c.QueryArray("id")
	if len(ids) == 0 || len(ids) > lossIDsMax {
		fail(c, http.StatusBadRequest, ErrorDetail{Code: "bad_request", Field: "id", Message: "id: want 1 to " + strconv.Itoa(lossIDsMax) + " of them, as /api/v1/cluster lists them"})
		return
	}
	by := c.RemoteIP()
	if id := who(c); id != nil {
		by = id.String()
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), acceptTimeout)
	defer cancel()
	err := s.deps.AcceptLosses(ctx, ids, by)
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		fail(c, http.StatusBadRequest, ErrorDetail{Code: "bad_request", Field: "id", Message: refused.Error()})
	case err != nil:
		fail(c, http.StatusServiceUnavailable, ErrorDetail{Code: "unavailable", Message: err.Error()})
	default:
		c.JSON(http.StatusOK, gin.H{"accepted": ids})
	}
}

const (
	// lossIDsMax bounds the losses accepted at once: as many as a shard has; all of them go into a heartbeat.
	lossIDsMax = 32
	// acceptTimeout bounds the wait for the owners' commits: a heartbeat and an owner's next look, with patience.
	acceptTimeout = 15 * time.Second
)

// shardsTimeout bounds the making of streams: each takes an election.
const shardsTimeout = time.Minute
