//! Who serves what: the ranks of providers, selections, swaps, pauses and breakers.

use grid_proto::v1::{self, provider_service_client::ProviderServiceClient, set_serving_request};
use tonic::transport::Channel;

use super::{Admin, refusal};
use crate::error::Error;

pub use grid_proto::v1::{
    BreakerRow as Breaker, ExplainChoiceRequest, ExplainChoiceResponse, ProviderRow as Provider,
    ReloadProvidersResponse, SelectProviderRequest, SelectProviderResponse, SetServingResponse, SwapProviderRequest,
    SwapProviderResponse, SwapStep,
};

/// What is paused, drained or resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Served {
    /// A function, whoever serves it.
    Tool(String),
    /// A provider, whatever it serves.
    Provider(String),
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// It takes no new calls.
    Pause,
    /// It takes no new calls, and those that it has are waited for.
    Drain,
    /// It takes calls again.
    Resume,
}

impl Admin {
    /// Every provider of a tool, in the order of their ranks; of every tool where it is empty. The flag says that there
    /// are more than an answer holds.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn providers(&self, tool: &str) -> Result<(Vec<Provider>, bool), Error> {
        let message = v1::ListProvidersRequest { tool: tool.to_owned() };
        let list = self.ask(self.ranks().list_providers(self.request(message))).await?;
        refusal(list.error)?;
        Ok((list.providers, list.more))
    }

    /// Who would be chosen for a tool, and why each other would not.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn explain_choice(&self, ask: ExplainChoiceRequest) -> Result<ExplainChoiceResponse, Error> {
        let mut choice = self.ask(self.ranks().explain_choice(self.request(ask))).await?;
        refusal(choice.error.take())?;
        Ok(choice)
    }

    /// Chooses a provider, or takes a choice back. When this returns, it is in the audit log and on the disk.
    ///
    /// # Errors
    /// `Refused` with SERVICE_UNAVAILABLE where there is no such provider; `Transport`.
    pub async fn select_provider(&self, select: SelectProviderRequest) -> Result<SelectProviderResponse, Error> {
        let mut done = self.ask(self.ranks().select_provider(self.request(select))).await?;
        refusal(done.error.take())?;
        Ok(done)
    }

    /// Puts one provider of a tool in the place of another while calls go on. Its `outcome` says whether it did.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn swap_provider(&self, swap: SwapProviderRequest) -> Result<SwapProviderResponse, Error> {
        let mut done = self.ask(self.ranks().swap_provider(self.request(swap))).await?;
        refusal(done.error.take())?;
        Ok(done)
    }

    /// Pauses, drains or resumes; `wait_ms` is how long it waits for calls that are in flight.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn set_serving(
        &self,
        what: Served,
        serving: Serving,
        note: &str,
        wait_ms: u64,
    ) -> Result<SetServingResponse, Error> {
        let action = match serving {
            Serving::Pause => set_serving_request::Action::Pause,
            Serving::Drain => set_serving_request::Action::Drain,
            Serving::Resume => set_serving_request::Action::Resume,
        };
        let (tool, provider) = match what {
            Served::Tool(tool) => (tool, String::new()),
            Served::Provider(provider) => (String::new(), provider),
        };
        let (note, correlation_id) = (note.to_owned(), self.correlation_id.clone());
        let message = v1::SetServingRequest { action: action.into(), tool, provider, note, wait_ms, correlation_id };
        let mut done = self.ask(self.ranks().set_serving(self.request(message))).await?;
        refusal(done.error.take())?;
        Ok(done)
    }

    /// Has the host read its file of providers again.
    ///
    /// # Errors
    /// `Refused` where it has a fault, `Transport`.
    pub async fn reload_providers(&self) -> Result<ReloadProvidersResponse, Error> {
        let message = v1::ReloadProvidersRequest {};
        let mut done = self.ask(self.ranks().reload_providers(self.request(message))).await?;
        refusal(done.error.take())?;
        Ok(done)
    }

    /// Breakers that are not closed, or `all`.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn breakers(&self, all: bool) -> Result<Vec<Breaker>, Error> {
        let list = self.ask(self.ranks().list_breakers(self.request(v1::ListBreakersRequest { all }))).await?;
        refusal(list.error)?;
        Ok(list.breakers)
    }

    /// Closes a breaker by hand; whether it was not closed. `scope` is runtime, provider or tool.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn reset_breaker(&self, scope: &str, name: &str) -> Result<bool, Error> {
        let message = v1::ResetBreakerRequest {
            scope: scope.to_owned(),
            name: name.to_owned(),
            correlation_id: self.correlation_id.clone(),
        };
        let done = self.ask(self.ranks().reset_breaker(self.request(message))).await?;
        refusal(done.error)?;
        Ok(done.changed)
    }

    fn ranks(&self) -> ProviderServiceClient<Channel> {
        self.ranks.clone()
    }
}
