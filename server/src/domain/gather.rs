//! Questions to the database that many ask at the same time, each about his own: while some are being
//! answered, whoever comes waits, and all that wait are answered together. Nobody waits for company:
//! who comes alone is answered at once.

use crate::error::{Error, Result};
use tokio::sync::{mpsc, oneshot};

/// Questions that wait; whoever comes then waits to wait.
const WAITING_MAX: usize = 1024;
/// Questions that are answered together at most.
const TOGETHER_MAX: usize = 64;

type Asked<Q, A> = (Q, oneshot::Sender<Result<A>>);

/// The way to the answers.
pub(crate) struct Gather<Q, A>(mpsc::Sender<Asked<Q, A>>);

// Not derived: neither questions nor answers are cloned.
impl<Q, A> Clone for Gather<Q, A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Q: Send + 'static, A: Send + 'static> Gather<Q, A> {
    /// Starts the task that answers: all questions at once, with one answer each in their order. It
    /// ends when all handles to it are gone.
    pub(crate) fn start<F, Answering>(answer: F) -> Self
    where
        F: Fn(Vec<Q>) -> Answering + Send + 'static,
        Answering: Future<Output = Result<Vec<A>>> + Send,
    {
        let (asking, mut asked) = mpsc::channel::<Asked<Q, A>>(WAITING_MAX);
        tokio::spawn(async move {
            let mut batch = Vec::new();
            while asked.recv_many(&mut batch, TOGETHER_MAX).await > 0 {
                let (questions, waiting): (Vec<Q>, Vec<_>) = batch.drain(..).unzip();
                match answer(questions).await {
                    Ok(answers) => {
                        for (waits, answer) in waiting.into_iter().zip(answers) {
                            drop(waits.send(Ok(answer)));
                        }
                    }
                    Err(error) => {
                        for waits in waiting {
                            drop(waits.send(Err(error.again())));
                        }
                    }
                }
            }
        });
        Self(asking)
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// What kept all that were asked together from being answered.
    pub(crate) async fn ask(&self, question: Q) -> Result<A> {
        let gone = || Error::Internal("nobody answers any more".into());
        let (waits, answer) = oneshot::channel();
        self.0.send((question, waits)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn whoever_comes_while_others_are_answered_is_answered_together_and_with_his_own() {
        let gate = Arc::new(Semaphore::new(0));
        let (told, mut sizes) = mpsc::unbounded_channel();
        let (turn, count) = (gate.clone(), told);
        let gather = Gather::start(move |questions: Vec<u32>| {
            let (turn, count) = (turn.clone(), count.clone());
            async move {
                _ = count.send(questions.len());
                turn.acquire().await.expect("nobody closes it").forget();
                Ok(questions.into_iter().map(|question| question * 2).collect())
            }
        });
        let ask = |question: u32| {
            let gather = gather.clone();
            tokio::spawn(async move { gather.ask(question).await })
        };
        let first = ask(1);
        assert_eq!(sizes.recv().await, Some(1));
        let rest: Vec<_> = (2..10).map(ask).collect();
        tokio::task::yield_now().await;
        gate.add_permits(2);
        assert_eq!(first.await.expect("it ends").expect("an answer"), 2);
        for (question, answer) in (2..10).zip(rest) {
            assert_eq!(answer.await.expect("it ends").expect("an answer"), question * 2);
        }
        assert_eq!(sizes.recv().await, Some(8));
    }

    #[tokio::test]
    async fn a_failure_is_told_to_all_who_asked_together_and_to_nobody_after() {
        let gather = Gather::start(|questions: Vec<u32>| async move {
            match questions.contains(&0) {
                true => Err(Error::NoRoom),
                false => Ok(questions),
            }
        });
        assert!(matches!(gather.ask(0).await, Err(Error::NoRoom)));
        assert!(matches!(gather.ask(7).await, Ok(7)));
    }
}
