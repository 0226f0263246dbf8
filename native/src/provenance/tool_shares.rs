//! The largest share of a cluster's sessions that used each tool: part of
//! `models.provenance.argument_detector`.

use crate::provenance::history::request_clusters::Cluster;
use rustc_hash::FxHashMap;

/// Sessions without the tool, assumed for each cluster.
const PRIOR_SESSIONS: f64 = 20.0;

/// The largest share of a cluster's sessions by tool; kept up to date, since almost every
/// call reads it.
#[derive(Default)]
pub struct LargestShares {
    /// Shares by tool, each with the slot of the cluster.
    known: FxHashMap<u64, (f64, usize)>,
}

impl LargestShares {
    /// The largest share of a tool; 0 for a tool that no cluster has used.
    pub fn share(&self, tool: u64) -> f64 {
        self.known.get(&tool).map_or(0.0, |&(share, _)| share)
    }

    /// Updates the shares after a change or removal of the cluster in a slot.
    pub fn update(&mut self, slots: &[Option<Cluster>], slot: usize) {
        let here = slots[slot].as_ref();
        let its = |tool| here.map_or(0.0, |cluster| share_of(cluster, tool));
        let less =
            self.known.iter().filter(|(&tool, &(share, at))| at == slot && its(tool) < share);
        let less: Vec<u64> = less.map(|(&tool, _)| tool).collect();
        for tool in less {
            match largest(slots, tool) {
                Some(found) => self.known.insert(tool, found),
                None => self.known.remove(&tool),
            };
        }
        for (tool, _) in here.into_iter().flat_map(|cluster| cluster.tools.each()) {
            let share = its(tool);
            let known = self.known.entry(tool).or_insert((share, slot));
            if share > known.0 {
                *known = (share, slot);
            }
        }
    }
}

fn largest(slots: &[Option<Cluster>], tool: u64) -> Option<(f64, usize)> {
    let each = slots.iter().enumerate().filter_map(|(at, cluster)| Some((at, cluster.as_ref()?)));
    let shares = each.map(|(at, cluster)| (share_of(cluster, tool), at));
    shares.filter(|found| found.0 > 0.0).max_by(|one, other| one.0.total_cmp(&other.0))
}

fn share_of(cluster: &Cluster, tool: u64) -> f64 {
    cluster.tools.get(tool) as f64 / (cluster.n as f64 + PRIOR_SESSIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(n: i64, tools: &[(u64, i64)]) -> Option<Cluster> {
        let mut cluster = Cluster::new(1, Vec::new(), 0);
        cluster.n = n;
        tools.iter().for_each(|&(tool, sessions)| cluster.tools.put(tool, sessions));
        Some(cluster)
    }

    #[test]
    fn kept_along_is_the_same_as_looked_for() {
        let mut slots = vec![cluster(10, &[(7, 10)]), cluster(30, &[(7, 15), (8, 5)]), None];
        let mut shares = LargestShares::default();
        let renewed = |shares: &mut LargestShares, slots: &[Option<Cluster>], slot| {
            shares.update(slots, slot);
            for tool in [7, 8, 9] {
                let looked_for = largest(slots, tool).map_or(0.0, |found| found.0);
                assert_eq!(shares.share(tool), looked_for);
            }
        };
        shares.update(&slots, 0);
        renewed(&mut shares, &slots, 1);
        slots[0] = cluster(40, &[(7, 10)]); // takes it less often: the other leads
        renewed(&mut shares, &slots, 0);
        slots[2] = cluster(1, &[(9, 1)]);
        renewed(&mut shares, &slots, 2);
        slots[1] = cluster(31, &[(7, 16), (9, 1)]); // one tool more often, one no longer
        renewed(&mut shares, &slots, 1);
        slots[1] = None;
        renewed(&mut shares, &slots, 1);
        assert_eq!(shares.share(8), 0.0);
    }
}
